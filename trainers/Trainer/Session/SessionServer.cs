using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Trainer.Session;

/// <summary>
/// The trainer's socket. One agent at a time: a new connection that presents the token replaces the old one and hears every
/// report that was not acknowledged. Whatever a connection does wrong ends that connection only.
/// </summary>
internal sealed class SessionServer : IAsyncDisposable
{
    private static readonly TimeSpan HelloLimit = TimeSpan.FromSeconds(10);

    private readonly TrainerSession _session;
    private readonly ReportOutbox _outbox;
    private readonly LeaseClock _lease;
    private readonly TimeProvider _time;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly CancellationTokenSource _closing = new();
    private readonly BlockingCollection<AgentFrame> _frames = [];
    private readonly Task _accepting;
    private CancellationTokenSource? _current;

    /// <param name="socket">A path that fits <c>sun_path</c>: relative to the run folder, which is the working directory.</param>
    public SessionServer(TrainerSession session, ReportOutbox outbox, LeaseClock lease, string socket, TimeProvider time)
    {
        (_session, _outbox, _lease, _time) = (session, outbox, lease, time);
        File.Delete(socket);
        _listener.Bind(new UnixDomainSocketEndPoint(socket));
        _listener.Listen(4);
        _accepting = AcceptAsync();
    }

    /// <summary>The next frame for the session; null where none came within the limit. Lease and acknowledgements never get here.</summary>
    public AgentFrame? Take(TimeSpan limit) => _frames.TryTake(out var frame, limit) ? frame : null;

    /// <summary>A frame from within the process, such as the shutdown that SIGTERM asks for.</summary>
    public void Inject(AgentFrame frame) => _frames.Add(frame);

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _closing.Dispose();
    }

    private async Task AcceptAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptAsync(_closing.Token);
                connections.RemoveAll(static c => c.IsCompleted);
                connections.Add(ServeAsync(socket));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            await Task.WhenAll(connections); // The session ends.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
        try
        {
            if (!await GreetAsync(stream, over.Token)) return;
            if (Interlocked.Exchange(ref _current, over) is { } earlier) Cancel(earlier);
            var sending = SendAsync(stream, over.Token);
            await ReceiveAsync(stream, over.Token);
            await over.CancelAsync();
            await sending;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or TimeoutException)
        {
            await over.CancelAsync(); // The agent went away; another one may come.
        }
        catch (GridException e)
        {
            Console.WriteLine(LogLine.Session($"an agent's connection was closed: {e.Message}"));
        }
        finally
        {
            Interlocked.CompareExchange(ref _current, null, over);
        }
    }

    private async Task<bool> GreetAsync(Stream stream, CancellationToken cancellation)
    {
        var first = await FrameStream.ReadAsync<AgentFrame>(stream, cancellation).WaitAsync(HelloLimit, _time, cancellation);
        return first is Hello hello && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(hello.Token), Encoding.UTF8.GetBytes(_session.Token));
    }

    private async Task ReceiveAsync(Stream stream, CancellationToken cancellation)
    {
        while (await FrameStream.ReadAsync<AgentFrame>(stream, cancellation) is { } frame)
        {
            switch (frame)
            {
                case Lease lease:
                    _lease.Extend(lease.Seconds, lease.Deadline);
                    break;
                case Acknowledge acknowledge:
                    _outbox.Acknowledge(acknowledge.Seq);
                    break;
                case Hello:
                    throw new GridException(ErrorCodes.InvalidRequest, "A second hello on one connection.");
                default:
                    _frames.Add(frame, cancellation);
                    break;
            }
        }
    }

    private async Task SendAsync(Stream stream, CancellationToken cancellation)
    {
        try
        {
            for (var sent = 0L; ;)
            {
                var (reports, changed) = _outbox.After(sent);
                foreach (var report in reports)
                {
                    await FrameStream.WriteAsync(stream, report, cancellation);
                    sent = report.Seq;
                }
                await changed.WaitAsync(cancellation);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The reader ends with the same connection.
        }
    }

    private static void Cancel(CancellationTokenSource earlier)
    {
        try
        {
            earlier.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended by itself meanwhile.
        }
    }
}
