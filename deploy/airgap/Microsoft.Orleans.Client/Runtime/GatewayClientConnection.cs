using System.Text.Json;
using Orleans.Configuration;
using Orleans.Serialization;

namespace Orleans.Runtime.Messaging;

/// <summary>One connection to a gateway, greeted and ready to carry calls.</summary>
internal sealed class GatewayClientConnection : IAsyncDisposable
{
    private readonly GatewayLink _link;
    private readonly FrameReader _reader;
    private readonly FrameWriter _writer;
    private readonly CancellationTokenSource _closing = new();
    private readonly int _maxFrame;
    private Task _writing = Task.CompletedTask;

    private GatewayClientConnection(GatewayLink link, ClientMessagingOptions options)
    {
        _link = link;
        _reader = new FrameReader(link.Stream);
        _writer = new FrameWriter(link.Stream);
        _maxFrame = (int)Math.Min(int.MaxValue, (long)options.MaxMessageBodySize + options.MaxMessageHeaderSize);
    }

    public SiloAddress Silo { get; private set; } = SiloAddress.Zero;

    public GrainTypeMap Types { get; private set; } = new([]);

    /// <exception cref="ConnectionFailedException">The gateway does not answer, or refuses.</exception>
    public static async Task<GatewayClientConnection> OpenAsync(
        GatewayRoute route, string clusterId, Guid clientId, ClientMessagingOptions options, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timeout);
        GatewayClientConnection? connection = null;
        try
        {
            connection = new GatewayClientConnection(await GatewayLink.OpenAsync(route, limit.Token), options);
            connection._writing = connection._writer.RunAsync(connection._closing.Token);
            await connection.ShakeHandsAsync(clusterId, clientId, limit.Token);
            return connection;
        }
        catch (Exception exception)
        {
            if (connection is not null)
                await connection.DisposeAsync();
            cancellationToken.ThrowIfCancellationRequested();
            if (exception is ConnectionFailedException)
                throw;
            throw new ConnectionFailedException($"Unable to connect to the gateway at {route.Endpoint}: {exception.Message}", exception);
        }
    }

    public bool TrySend(ReadOnlyMemory<byte> frame) => _writer.TrySend(frame);

    /// <summary>Reads replies until the connection ends.</summary>
    public async Task ReadAsync(Action<JsonElement> onReply)
    {
        while (await _reader.ReadAsync(_maxFrame, _closing.Token) is { } frame)
        {
            using var document = Frames.Parse(frame, out var kind);
            if (kind != Frames.Reply)
                throw new InvalidDataException($"A gateway does not send \"{kind}\".");
            onReply(document.RootElement);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _writer.Complete();
        await _closing.CancelAsync();
        await _link.DisposeAsync();
        try
        {
            await _writing;
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // What was queued is lost with the connection; its callers are told.
        }
    }

    private async Task ShakeHandsAsync(string clusterId, Guid clientId, CancellationToken cancellationToken)
    {
        TrySend(Frames.WriteHello(clusterId, clientId.ToString("N")));
        var frame = await _reader.ReadAsync(Frames.MaxHandshakeLength, cancellationToken)
            ?? throw new ConnectionFailedException("The gateway closed the connection instead of answering the greeting.");
        using var document = Frames.Parse(frame, out var kind);
        var root = document.RootElement;
        if (kind == Frames.Refuse)
            throw new ConnectionFailedException($"The gateway refuses: {root.GetProperty("reason").GetString()}");
        if (kind != Frames.Welcome)
            throw new ConnectionFailedException($"The gateway answered the greeting with \"{kind}\".");
        Silo = SiloAddress.FromParsableString(root.GetProperty("silo").GetString()!);
        Types = new GrainTypeMap(root.GetProperty("types").Deserialize<GrainTypeEntry[]>()!);
    }
}
