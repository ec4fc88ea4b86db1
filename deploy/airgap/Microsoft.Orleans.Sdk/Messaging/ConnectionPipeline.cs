using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Orleans.Runtime.Messaging;

/// <summary>What a connection passes through before its frames are read, such as TLS. Without any, the socket itself is used.</summary>
internal sealed class ConnectionPipeline
{
    private readonly List<Action<IConnectionBuilder>> _parts = [];

    public void Add(Action<IConnectionBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        _parts.Add(configure);
    }

    /// <summary>Runs <paramref name="use"/> on the stream that comes out; not at all where a part refuses the connection.</summary>
    public async Task RunAsync(Socket socket, IServiceProvider services, Func<Stream, Task> use)
    {
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        if (_parts.Count == 0)
        {
            await use(stream);
            return;
        }
        var builder = new ConnectionBuilder(services);
        foreach (var part in _parts)
            part(builder);
        builder.Run(async context =>
        {
            await using var frames = new ConnectionStream(context.Transport);
            await use(frames);
        });
        await using var connection = new DefaultConnectionContext(Guid.NewGuid().ToString("N"), new StreamPipes(stream), new StreamPipes(Stream.Null))
        {
            LocalEndPoint = socket.LocalEndPoint, RemoteEndPoint = socket.RemoteEndPoint,
        };
        await builder.Build()(connection);
    }
}
