using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Runtime.Messaging;
using Orleans.Serialization;
using Orleans.Serialization.Invocation;
using System.Text.Json;

namespace Orleans.Runtime;

/// <summary>Carries the calls of a client process to a gateway, and connects again when the connection is lost.</summary>
internal sealed class ClientRuntime : IRuntimeClient, IAsyncDisposable
{
    private static readonly TimeSpan MaxRetryDelay = TimeSpan.FromSeconds(2);

    private readonly GatewayConnector _connector;
    private readonly ValueCodecs _codecs;
    private readonly PendingCalls _pending;
    private readonly ClientMessagingOptions _options;
    private readonly ConnectionStatus _status;
    private readonly ILogger _logger;
    private readonly Lazy<GrainCallSender> _calls;
    private readonly CancellationTokenSource _stopping = new();
    private volatile GrainTypeMap _types = new([]);
    private volatile TaskCompletionSource<GatewayClientConnection> _connected = NewSource();
    private volatile GatewayClientConnection? _current;
    private Task _running = Task.CompletedTask;

    public ClientRuntime(
        IServiceProvider services,
        GatewayConnector connector,
        ValueCodecs codecs,
        TimeProvider time,
        ConnectionStatus status,
        IOptions<ClientMessagingOptions> options,
        ILogger<ClientRuntime> logger)
    {
        _connector = connector;
        _codecs = codecs;
        _options = options.Value;
        _status = status;
        _logger = logger;
        codecs.References = new GrainReferenceCodec(this);
        _pending = new PendingCalls(_options, time, logger, SignalCancellation);
        ClientId = new GrainId(GrainTypePrefix.ClientGrainType, GrainIdKeyExtensions.CreateGuidKey(connector.ClientId));
        _calls = new(() => new GrainCallSender(
            this, _pending, codecs, _options, services.GetServices<IOutgoingGrainCallFilter>(), ClientId));
    }

    public GrainId ClientId { get; }

    public IGrainTypeMap GrainTypes => _types;

    public GrainCallSender Calls => _calls.Value;

    public async Task StartAsync(IClientConnectionRetryFilter? retryFilter, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                var connection = await _connector.ConnectAsync(cancellationToken);
                Use(connection);
                _running = RunAsync(connection);
                return;
            }
            catch (Exception exception) when (retryFilter is not null && !cancellationToken.IsCancellationRequested)
            {
                if (!await retryFilter.ShouldRetryConnectionAttempt(exception, cancellationToken))
                    throw;
            }
        }
    }

    public void Send(Message message)
    {
        ReadOnlyMemory<byte> frame;
        try
        {
            frame = Frames.WriteCall(message, _codecs);
            if (frame.Length > _options.MaxMessageBodySize)
                throw new SerializerException($"The call has {frame.Length} bytes; at most {_options.MaxMessageBodySize} are sent.");
        }
        catch (Exception exception)
        {
            message.Sink?.Receive(message, Response.FromException(exception));
            return;
        }

        if (_current is { } connection)
            Send(connection, message, frame);
        else
            _ = SendWhenConnectedAsync(_connected.Task, message, frame);
    }

    public void SignalCancellation(Message message) => _current?.TrySend(Frames.WriteCancel(message.Id));

    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        _pending.Stop();
        _connected.TrySetException(new SiloUnavailableException("The client is stopping."));
        if (_current is { } connection)
            await connection.DisposeAsync();
        await _running;
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private static TaskCompletionSource<GatewayClientConnection> NewSource()
    {
        var source = new TaskCompletionSource<GatewayClientConnection>(TaskCreationOptions.RunContinuationsAsynchronously);

        // Nobody may be waiting when the attempt fails.
        _ = source.Task.ContinueWith(
            static task => _ = task.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return source;
    }

    private static void Send(GatewayClientConnection connection, Message message, ReadOnlyMemory<byte> frame)
    {
        if (!connection.TrySend(frame))
            message.Sink?.Receive(message, Response.FromException(Unavailable(message)));
    }

    private static SiloUnavailableException Unavailable(Message message) => new(
        $"The connection to the gateway was lost before the response to {message} arrived. Its outcome is unknown.");

    // While the client connects anew, calls wait for the outcome of the attempt that is under way.
    private static async Task SendWhenConnectedAsync(Task<GatewayClientConnection> connecting, Message message, ReadOnlyMemory<byte> frame)
    {
        try
        {
            Send(await connecting, message, frame);
        }
        catch (Exception exception)
        {
            message.Sink?.Receive(message, Response.FromException(
                new ConnectionFailedException($"Unable to send {message}: {exception.Message}", exception)));
        }
    }

    private void Use(GatewayClientConnection connection)
    {
        _types = connection.Types;
        _current = connection;
        _connected.TrySetResult(connection);
        _status.Connected();
        ClientLog.Connected(_logger, connection.Silo);
    }

    private async Task RunAsync(GatewayClientConnection connection)
    {
        await Task.Yield();
        while (true)
        {
            await ReadUntilLostAsync(connection);
            if (_stopping.IsCancellationRequested)
                return;
            _connected = NewSource();
            _current = null;
            await connection.DisposeAsync();
            _pending.FailAll(static _ => true, Unavailable);
            _status.Lost();
            if (await ReconnectAsync() is not { } next)
                return;
            connection = next;
            Use(connection);
        }
    }

    private async Task ReadUntilLostAsync(GatewayClientConnection connection)
    {
        try
        {
            await connection.ReadAsync(OnReply);
            ClientLog.ConnectionLost(_logger, null, connection.Silo);
        }
        catch (Exception exception)
        {
            if (!_stopping.IsCancellationRequested)
                ClientLog.ConnectionLost(_logger, exception, connection.Silo);
        }
    }

    private async Task<GatewayClientConnection?> ReconnectAsync()
    {
        var delay = TimeSpan.FromMilliseconds(50);
        while (true)
        {
            try
            {
                return await _connector.ConnectAsync(_stopping.Token);
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return null;
            }
            catch (ConnectionFailedException exception)
            {
                // Calls that waited for this attempt fail, and so do those made before the next one.
                _connected.TrySetException(exception);
            }

            await Task.Delay(delay, _stopping.Token).ContinueWith(static _ => { }, TaskScheduler.Default);
            if (_stopping.IsCancellationRequested)
                return null;
            _connected = NewSource();
            delay = delay * 2 < MaxRetryDelay ? delay * 2 : MaxRetryDelay;
        }
    }

    private void OnReply(JsonElement reply)
    {
        if (!reply.TryGetProperty("id", out var value) || !value.TryGetInt64(out var id))
            throw new InvalidDataException("A reply has no number.");
        if (_pending.Find(id) is { } call)
            _pending.Complete(id, ReadResponse(reply, call.Message));
    }

    private Response ReadResponse(JsonElement reply, Message request)
    {
        try
        {
            if (reply.TryGetProperty("error", out var error))
                return Response.FromException((Exception)_codecs.Member(typeof(Exception)).Read(error)!);
            var resultType = (request.Request as GrainRequest)?.Method.ResultType ?? typeof(object);
            return Response.FromResult(_codecs.Member(resultType).Read(reply.GetProperty("result")));
        }
        catch (Exception exception)
        {
            return Response.FromException(new SerializerException($"The response to {request} cannot be read.", exception));
        }
    }
}
