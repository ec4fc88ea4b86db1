using System.Diagnostics;
using System.Net.Sockets;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.TrainerSupport;

/// <summary>The agent's end of a real trainer process: starts it, speaks its protocol, and keeps what it says.</summary>
internal sealed class FakeAgent : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly string _folder;
    private readonly List<TrainerReport> _reports = [];
    private readonly Process _process;
    private readonly Task<string> _output;
    private NetworkStream? _stream;
    private long _lastSeq;

    private FakeAgent(string folder, Process process)
    {
        (_folder, _process) = (folder, process);
        _output = process.StandardOutput.ReadToEndAsync();
    }

    public const string Token = "secret";

    public Process Process => _process;

    public IReadOnlyList<TrainerReport> Reports => _reports;

    public Task<string> Output => _output;

    /// <param name="network">The network namespace that the trainer runs in; null: this process's own.</param>
    public static async Task<FakeAgent> StartAsync(TestStore store, double leaseSeconds = 120, bool connect = true, string? network = null)
    {
        var folder = Path.Combine(store.Root, "sessions", Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(folder);
        var session = new TrainerSession("session-test", Token, store.Access, "cpu", "fp32", 1, leaseSeconds);
        await File.WriteAllBytesAsync(Path.Combine(folder, TrainerProtocol.SessionFile), GridJson.ToBytes(session));
        var agent = new FakeAgent(folder, TrainerProgram.StartIn(network, "session", folder));
        if (connect) await agent.ConnectAsync(Token);
        return agent;
    }

    /// <summary>Connects anew, as a successor of the agent would.</summary>
    public async Task ConnectAsync(string token)
    {
        var stream = await OpenAsync();
        await FrameStream.WriteAsync<AgentFrame>(stream, new Hello(token));
        _stream?.Dispose();
        _stream = stream;
    }

    public async Task<NetworkStream> OpenAsync()
    {
        var path = Path.Combine(_folder, TrainerProtocol.SocketName);
        using var limit = new CancellationTokenSource(Limit);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (true)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), limit.Token);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException) when (!_process.HasExited)
            {
                socket.Dispose();
                await timer.WaitForNextTickAsync(limit.Token);
            }
        }
    }

    public Task SendAsync(AgentFrame frame) => FrameStream.WriteAsync(_stream!, frame);

    /// <summary>Reads on until a report of this kind comes; fails where the trainer ends or is silent.</summary>
    public async Task<T> UntilAsync<T>(Func<T, bool>? which = null)
        where T : TrainerReport
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            var report = await FrameStream.ReadAsync<TrainerReport>(_stream!, limit.Token)
                ?? throw new InvalidOperationException($"the trainer closed before it sent a {typeof(T).Name}; it sent {string.Join(", ", _reports)}");
            if (report.Seq <= _lastSeq) continue;
            Assert.Equal(_lastSeq + 1, report.Seq);
            _lastSeq = report.Seq;
            _reports.Add(report);
            limit.CancelAfter(Limit);
            if (report is JobFailed failed && typeof(T) != typeof(JobFailed)) throw new InvalidOperationException($"the job failed: {failed.Error.Code}: {failed.Error.Message}");
            if (report is T wanted && (which is null || which(wanted))) return wanted;
        }
    }

    public async Task<JobFinished> TrainAsync(TrainingOrder order)
    {
        await SendAsync(new Attach(order));
        return await UntilAsync<JobFinished>(f => f.JobId == order.JobId);
    }

    public Task AcknowledgeAsync() => SendAsync(new Acknowledge(_lastSeq));

    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Limit);
        return _process.ExitCode;
    }

    /// <summary>Shuts the session down as an agent does, and waits for its end.</summary>
    public async Task<int> ShutdownAsync()
    {
        await SendAsync(new Shutdown("test"));
        await AcknowledgeAsync();
        while (await FrameStream.ReadAsync<TrainerReport>(_stream!) is { } report)
        {
            _reports.Add(report);
            await SendAsync(new Acknowledge(report.Seq));
        }
        return await ExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        if (_stream is not null) await _stream.DisposeAsync();
    }
}
