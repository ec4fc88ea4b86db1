using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Trainer.Serving;

/// <summary>
/// The one connection of the agent that started this process. With its end the process ends: answers are of use to that agent alone.
/// </summary>
internal sealed class AgentConnection : IAsyncDisposable
{
    /// <summary>Frames that wait to be sent; of pieces, which are previews, no more are taken then.</summary>
    private const int MostWaiting = 256;

    private readonly NetworkStream _stream;
    private readonly BlockingCollection<AgentFrame> _frames = [];
    private readonly Channel<TrainerReport> _reports = Channel.CreateUnbounded<TrainerReport>();
    private readonly CancellationTokenSource _closing = new();
    private readonly Task _receiving;
    private readonly Task _sending;

    private AgentConnection(Socket socket)
    {
        _stream = new NetworkStream(socket, ownsSocket: true);
        _receiving = ReceiveAsync();
        _sending = SendAsync();
    }

    /// <summary>Waits for the agent; null where none came that knows the token.</summary>
    /// <param name="socket">A path that fits <c>sun_path</c>: relative to the run folder, which is the working directory.</param>
    public static async Task<AgentConnection?> AcceptAsync(string socket, string token, TimeSpan limit)
    {
        using var over = new CancellationTokenSource(limit);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(socket));
        listener.Listen(1);
        try
        {
            var connection = new AgentConnection(await listener.AcceptAsync(over.Token));
            if (connection.Take(limit) is Hello hello && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(hello.Token), Encoding.UTF8.GetBytes(token)))
                return connection;
            await connection.DisposeAsync();
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // Told by the result.
        }
        return null;
    }

    /// <summary>The next frame; null where none came within the limit. A <see cref="Shutdown"/> when the agent has gone.</summary>
    public AgentFrame? Take(TimeSpan limit) => _frames.TryTake(out var frame, limit) ? frame : null;

    public void Post(TrainerReport report)
    {
        if (report is TasksSaid && _reports.Reader.Count >= MostWaiting) return;
        _reports.Writer.TryWrite(report);
    }

    /// <summary>Sends what was posted, and closes.</summary>
    public async ValueTask DisposeAsync()
    {
        _reports.Writer.TryComplete();
        await _sending;
        await _closing.CancelAsync();
        await _stream.DisposeAsync();
        await _receiving;
        _closing.Dispose();
    }

    private async Task ReceiveAsync()
    {
        try
        {
            while (await FrameStream.ReadAsync<AgentFrame>(_stream, _closing.Token) is { } frame) _frames.Add(frame);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or GridException)
        {
            if (e is GridException) Console.WriteLine(LogLine.Session($"the agent's connection was closed: {e.Message}"));
        }
        _frames.Add(new Shutdown("the agent is gone"));
    }

    private async Task SendAsync()
    {
        try
        {
            await foreach (var report in _reports.Reader.ReadAllAsync()) await SendAsync(report);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            _reports.Writer.TryComplete(); // The receiver sees the same end.
        }
    }

    private async Task SendAsync(TrainerReport report)
    {
        try
        {
            await FrameStream.WriteAsync(_stream, report);
        }
        catch (GridException) when (report is TasksSaid)
        {
            // Too large for a frame, as the scores of a long prompt may be: the reply, which is a file, has them.
        }
    }
}
