using System.Net;
using System.Net.Sockets;

namespace Orleans.Runtime.Messaging;

/// <summary>A gateway's address, and what connections to it pass through.</summary>
internal sealed record GatewayRoute(IPEndPoint Endpoint, ConnectionPipeline Pipeline, IServiceProvider Services);

/// <summary>An open connection to a gateway, secured where that is configured, before the first frame.</summary>
internal sealed class GatewayLink : IAsyncDisposable
{
    private readonly TaskCompletionSource _closed;
    private readonly Socket _socket;
    private readonly Task _running;

    private GatewayLink(Socket socket, Task running, TaskCompletionSource closed, Stream stream) => (_socket, _running, _closed, Stream) = (socket, running, closed, stream);

    public Stream Stream { get; }

    public static async Task<GatewayLink> OpenAsync(GatewayRoute route, CancellationToken cancellationToken)
    {
        var socket = new Socket(route.Endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(route.Endpoint, cancellationToken);
            var (ready, closed) = (new TaskCompletionSource<Stream>(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            var running = route.Pipeline.RunAsync(socket, route.Services, stream =>
            {
                ready.SetResult(stream);
                return closed.Task;
            });
            if (await Task.WhenAny(ready.Task, running).WaitAsync(cancellationToken) == ready.Task)
                return new GatewayLink(socket, running, closed, await ready.Task);
            await running;
            throw new IOException("the connection could not be secured");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The socket goes first: what still reads or writes ends with it, whether or not the other side listens.</summary>
    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _closed.TrySetResult();
        try
        {
            await _running;
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The end of a secured connection may not find its socket any more.
        }
    }
}
