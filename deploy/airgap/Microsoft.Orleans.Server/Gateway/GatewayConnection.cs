using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Serialization;
using Orleans.Serialization.Invocation;

namespace Orleans.Runtime.Messaging;

/// <summary>
/// One client. Whatever breaks the protocol ends this connection and nothing else; a call whose values cannot be read is answered
/// with the error.
/// </summary>
internal sealed class GatewayConnection(
    Stream stream, string remote, SiloRuntime silo, GrainClassMap classes, string clusterId, SiloMessagingOptions options, ILogger logger) : IResponseSink
{
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<long, Message> _running = new();
    private readonly CancellationTokenSource _closed = new();
    private FrameWriter? _writer;
    private GrainId _client;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var registration = cancellationToken.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), _closed);
        var writing = Task.CompletedTask;
        try
        {
            _writer = new FrameWriter(stream);
            writing = _writer.RunAsync(_closed.Token);
            var reader = new FrameReader(stream);
            if (await ShakeHandsAsync(reader))
                await ReadAsync(reader);
        }
        catch (Exception exception) when (exception is OperationCanceledException && cancellationToken.IsCancellationRequested)
        {
            // The silo is stopping.
        }
        catch (Exception exception)
        {
            SiloLog.GatewayConnectionFailed(logger, exception, remote, exception.Message);
        }
        finally
        {
            await CloseAsync(writing);
        }
    }

    public void Receive(Message request, Response response)
    {
        if (_running.TryRemove(request.Id, out _))
            Send(EncodeReply(request.Id, response, (request.Request as GrainRequest)?.Method.ResultType));
    }

    private async Task<bool> ShakeHandsAsync(FrameReader reader)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_closed.Token);
        timeout.CancelAfter(HandshakeTimeout);
        var frame = await reader.ReadAsync(Frames.MaxHandshakeLength, timeout.Token);
        if (frame is null)
            return false;
        using var hello = Frames.Parse(frame, out var kind);
        var root = hello.RootElement;
        if (kind != Frames.Hello || !root.TryGetProperty("protocol", out var protocol) || !protocol.TryGetInt32(out var version))
            throw new InvalidDataException("The first frame is not a greeting.");
        if (version != Frames.ProtocolVersion)
            return Refuse($"This gateway speaks protocol {Frames.ProtocolVersion}, not {version}.");
        if (root.GetProperty("cluster").GetString() is var cluster && cluster != clusterId)
            return Refuse($"This gateway belongs to cluster \"{clusterId}\", not to \"{cluster}\".");
        if (!Guid.TryParseExact(root.GetProperty("client").GetString(), "N", out var client))
            throw new InvalidDataException("The greeting does not name a client.");
        _client = new GrainId(GrainTypePrefix.ClientGrainType, GrainIdKeyExtensions.CreateGuidKey(client));
        Send(Frames.WriteWelcome(silo.Address, classes.Types.Entries));
        SiloLog.ClientConnected(logger, _client, remote);
        return true;
    }

    private bool Refuse(string reason)
    {
        Send(Frames.WriteRefusal(reason));
        return false;
    }

    private async Task ReadAsync(FrameReader reader)
    {
        var maxLength = (int)Math.Min(int.MaxValue, (long)options.MaxMessageBodySize + options.MaxMessageHeaderSize);
        while (await reader.ReadAsync(maxLength, _closed.Token) is { } frame)
        {
            using var document = Frames.Parse(frame, out var kind);
            var root = document.RootElement;
            if (!root.TryGetProperty("id", out var value) || !value.TryGetInt64(out var id))
                throw new InvalidDataException("A frame has no number.");
            switch (kind)
            {
                case Frames.Call:
                    Dispatch(id, root);
                    break;
                case Frames.Cancel:
                    if (_running.TryGetValue(id, out var message))
                        silo.SignalCancellation(message);
                    break;
                default:
                    throw new InvalidDataException($"A client does not send \"{kind}\".");
            }
        }
    }

    private void Dispatch(long id, JsonElement frame)
    {
        Message message;
        try
        {
            message = Decode(id, frame);
        }
        catch (Exception exception) when (exception is SerializerException or JsonException or ArgumentException
            or InvalidOperationException or FormatException or NotSupportedException or KeyNotFoundException or InvalidCastException)
        {
            Send(EncodeReply(id, Response.FromException(new SerializerException($"The call cannot be read: {exception.Message}")), null));
            return;
        }

        if (!message.IsOneWay && !_running.TryAdd(id, message))
            throw new InvalidDataException($"The call number {id} is already in use.");
        silo.Send(message);
    }

    private Message Decode(long id, JsonElement frame)
    {
        if (!GrainId.TryParse(frame.GetProperty("to").GetString(), out var target))
            throw new ArgumentException("The call's target is not a grain id.");
        var interfaceName = frame.GetProperty("if").GetString()!;
        var method = classes.Find(target.Type).FindMethod(interfaceName, frame.GetProperty("m").GetString()!);
        var values = frame.GetProperty("args");
        if (values.GetArrayLength() != method.Parameters.Length)
            throw new ArgumentException($"{method.WireName} takes {method.Parameters.Length} arguments, not {values.GetArrayLength()}.");
        var arguments = new object?[method.Parameters.Length];
        for (var i = 0; i < arguments.Length; i++)
            arguments[i] = silo.Codecs.Member(method.Parameters[i]).Read(values[i]);
        var oneWay = (method.Options & CodeGeneration.InvokeMethodOptions.OneWay) != 0;
        return new Message
        {
            Id = id,
            Sender = _client,
            Target = target,
            Request = new GrainRequest(method, arguments),
            InterfaceType = GrainInterfaceType.Create(interfaceName),
            Options = method.Options,
            Context = Frames.ReadContext(frame, silo.Codecs),
            Sink = oneWay ? null : this,
            TimeToLive = TimeSpan.FromMilliseconds(frame.GetProperty("ttl").GetInt64()),
        };
    }

    private ReadOnlyMemory<byte> EncodeReply(long id, Response response, Type? resultType)
    {
        try
        {
            var frame = Frames.WriteReply(id, response, resultType, silo.Codecs);
            if (frame.Length <= options.MaxMessageBodySize)
                return frame;
            response = Response.FromException(new SerializerException(
                $"The response has {frame.Length} bytes; at most {options.MaxMessageBodySize} are sent."));
        }
        catch (Exception exception)
        {
            SiloLog.CallNotAnswered(logger, exception, $"#{id} of {_client}");
            response = Response.FromException(exception is SerializerException ? exception : new SerializerException(exception.Message));
        }

        return Frames.WriteReply(id, response, null, silo.Codecs);
    }

    private void Send(ReadOnlyMemory<byte> frame)
    {
        // A client that does not read its replies is let go.
        if (_writer is { } writer && !writer.TrySend(frame))
            _closed.Cancel();
    }

    private async Task CloseAsync(Task writing)
    {
        _writer?.Complete();
        try
        {
            // What is queued still goes out, unless the other side does not read.
            await writing.WaitAsync(TimeSpan.FromSeconds(1));
        }
        catch (Exception exception) when (exception is TimeoutException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The connection is gone or stuck; it is closed below.
        }

        await _closed.CancelAsync();
        await stream.DisposeAsync();
        foreach (var message in _running.Values)
            silo.SignalCancellation(message);
        _running.Clear();
        if (!_client.IsDefault)
            SiloLog.ClientDisconnected(logger, _client);
    }
}
