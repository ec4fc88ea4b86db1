using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using Orleans.Serialization;
using Orleans.Serialization.Invocation;

namespace Orleans.Runtime.Messaging;

/// <summary>What client and gateway say to each other, one JSON object a frame; <c>k</c> is the kind.</summary>
internal static class Frames
{
    public const int ProtocolVersion = 1;
    public const int MaxHandshakeLength = 1024 * 1024;

    public const string Hello = "hello";
    public const string Welcome = "welcome";
    public const string Refuse = "refuse";
    public const string Call = "call";
    public const string Reply = "reply";
    public const string Cancel = "cancel";

    // Values are nested in frames, so a little deeper than the default of JSON documents on their own.
    private static readonly JsonDocumentOptions DocumentOptions = new() { MaxDepth = 96 };
    private static readonly JsonWriterOptions WriterOptions = new() { MaxDepth = 96, SkipValidation = true };

    /// <exception cref="InvalidDataException">The frame is not a JSON object with a kind.</exception>
    public static JsonDocument Parse(byte[] frame, out string kind)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(frame, DocumentOptions);
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException("A frame is not JSON.", exception);
        }

        if (document.RootElement.ValueKind == JsonValueKind.Object
            && document.RootElement.TryGetProperty("k", out var value)
            && value.ValueKind == JsonValueKind.String)
        {
            kind = value.GetString()!;
            return document;
        }

        document.Dispose();
        throw new InvalidDataException("A frame is not an object with a kind.");
    }

    public static ReadOnlyMemory<byte> WriteHello(string clusterId, string client) => Write(Hello, writer =>
    {
        writer.WriteNumber("protocol", ProtocolVersion);
        writer.WriteString("cluster", clusterId);
        writer.WriteString("client", client);
    });

    public static ReadOnlyMemory<byte> WriteWelcome(SiloAddress silo, IEnumerable<GrainTypeEntry> types) => Write(Welcome, writer =>
    {
        writer.WriteString("silo", silo.ToParsableString());
        writer.WritePropertyName("types");
        JsonSerializer.Serialize(writer, types);
    });

    public static ReadOnlyMemory<byte> WriteRefusal(string reason) => Write(Refuse, writer => writer.WriteString("reason", reason));

    public static ReadOnlyMemory<byte> WriteCancel(long id) => Write(Cancel, writer => writer.WriteNumber("id", id));

    /// <exception cref="CodecNotFoundException">An argument cannot be sent.</exception>
    public static ReadOnlyMemory<byte> WriteCall(Message message, ValueCodecs codecs)
    {
        var request = (GrainRequest)message.Request;
        return Write(Call, writer =>
        {
            writer.WriteNumber("id", message.Id);
            writer.WriteString("to", message.Target.ToString());
            writer.WriteString("if", message.InterfaceType.ToString());
            writer.WriteString("m", request.Method.WireName);
            writer.WriteNumber("ttl", (long)message.TimeToLive.TotalMilliseconds);
            WriteContext(writer, message.Context, codecs);
            writer.WriteStartArray("args");
            for (var i = 0; i < request.Arguments.Length; i++)
                codecs.Member(request.Method.Parameters[i]).Write(writer, request.Arguments[i]);
            writer.WriteEndArray();
        });
    }

    /// <exception cref="CodecNotFoundException">The result or exception cannot be sent.</exception>
    public static ReadOnlyMemory<byte> WriteReply(long id, Response response, Type? resultType, ValueCodecs codecs) => Write(Reply, writer =>
    {
        writer.WriteNumber("id", id);
        if (response.Exception is { } exception)
        {
            writer.WritePropertyName("error");
            codecs.Member(typeof(Exception)).Write(writer, exception);
        }
        else
        {
            writer.WritePropertyName("result");
            codecs.Member(resultType ?? typeof(object)).Write(writer, response.Result);
        }
    });

    public static Dictionary<string, object>? ReadContext(JsonElement frame, ValueCodecs codecs)
    {
        if (!frame.TryGetProperty("ctx", out var context))
            return null;
        var values = new Dictionary<string, object>(StringComparer.Ordinal);
        foreach (var entry in context.EnumerateObject())
        {
            if (codecs.Member(typeof(object)).Read(entry.Value) is { } value)
                values[entry.Name] = value;
        }

        return values;
    }

    private static void WriteContext(Utf8JsonWriter writer, Dictionary<string, object>? context, ValueCodecs codecs)
    {
        if (context is null or { Count: 0 })
            return;
        writer.WriteStartObject("ctx");
        foreach (var (key, value) in context)
        {
            writer.WritePropertyName(key);
            codecs.Member(typeof(object)).Write(writer, value);
        }

        writer.WriteEndObject();
    }

    private static ReadOnlyMemory<byte> Write(string kind, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        buffer.GetSpan(sizeof(int));
        buffer.Advance(sizeof(int));
        using (var writer = new Utf8JsonWriter(buffer, WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("k", kind);
            write(writer);
            writer.WriteEndObject();
        }

        var frame = new byte[buffer.WrittenCount];
        buffer.WrittenSpan.CopyTo(frame);
        BinaryPrimitives.WriteInt32LittleEndian(frame, frame.Length - sizeof(int));
        return frame;
    }
}
