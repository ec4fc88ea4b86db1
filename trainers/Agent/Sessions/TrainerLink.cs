using System.Net.Sockets;
using System.Threading.Channels;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Agent.Sessions;

/// <summary>One connection to a trainer's socket. Frames are sent in order by one writer.</summary>
internal sealed class TrainerLink : IAsyncDisposable
{
    /// <summary>Below <c>sizeof(sun_path)</c> (108) with the terminating zero.</summary>
    private const int LongestSocketPath = 100;

    private readonly NetworkStream _stream;
    private readonly Channel<AgentFrame> _outgoing = Channel.CreateUnbounded<AgentFrame>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Task _writer;

    private TrainerLink(Socket socket)
    {
        _stream = new NetworkStream(socket, ownsSocket: true);
        _writer = WriteAsync();
    }

    /// <summary>Null where nobody listens (yet).</summary>
    public static async Task<TrainerLink?> TryConnectAsync(SessionFolder folder, CancellationToken cancellation)
    {
        if (!File.Exists(folder.Socket)) return null;
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await ConnectAsync(socket, folder, cancellation);
            return new TrainerLink(socket);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            socket.Dispose();
            return null;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Queues a frame; lost where the connection is, which is why everything that matters is sent again after a reconnect.</summary>
    public void Send(AgentFrame frame) => _outgoing.Writer.TryWrite(frame);

    /// <summary>The next report; null where the trainer closed.</summary>
    public async Task<TrainerReport?> ReadAsync(CancellationToken cancellation)
    {
        try
        {
            return await FrameStream.ReadAsync<TrainerReport>(_stream, cancellation);
        }
        catch (IOException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _outgoing.Writer.TryComplete();
        await _stream.DisposeAsync();
        await _writer;
    }

    private static async Task ConnectAsync(Socket socket, SessionFolder folder, CancellationToken cancellation)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(folder.Socket) <= LongestSocketPath)
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(folder.Socket), cancellation);
            return;
        }
        var handle = ProcFs.OpenFolder(folder.Path);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint($"/proc/self/fd/{handle}/{TrainerProtocol.SocketName}"), cancellation);
        }
        finally
        {
            _ = ProcFs.CloseFolder(handle);
        }
    }

    private async Task WriteAsync()
    {
        try
        {
            await foreach (var frame in _outgoing.Reader.ReadAllAsync())
                await FrameStream.WriteAsync(_stream, frame);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            _outgoing.Writer.TryComplete(); // The reader sees the same end and reconnects.
        }
    }
}
