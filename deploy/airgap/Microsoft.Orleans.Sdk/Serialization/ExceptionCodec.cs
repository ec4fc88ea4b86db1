using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Text.Json;

namespace Orleans.Serialization;

/// <summary>
/// An exception that travels with its type: message, stack trace, inner exception, HResult, and the members that its class marks
/// with <see cref="IdAttribute"/>. Other members are lost. Copies within a silo are the exception itself.
/// </summary>
internal sealed class ExceptionCodec(Type type, ValueCodecs codecs) : ValueCodec
{
    private const int MaxInnerDepth = 16;

    private static readonly FieldInfo MessageField = Field("_message");
    private static readonly FieldInfo InnerField = Field("_innerException");

    private readonly MembersCodec.Level[] _levels =
        [.. MembersCodec.Hierarchy(type).Select(level => new MembersCodec.Level(level, codecs))];

    public override bool IsImmutable => true;

    public override object Copy(object value) => value;

    public override void Write(Utf8JsonWriter writer, object value)
    {
        var exception = (Exception)value;
        writer.WriteStartObject();
        writer.WriteString("message", exception.Message);
        writer.WriteString("stack", exception.StackTrace);
        writer.WriteNumber("hresult", exception.HResult);
        if (exception.InnerException is { } inner && Depth(exception) < MaxInnerDepth)
        {
            writer.WritePropertyName("inner");
            WriteInner(writer, inner);
        }

        writer.WritePropertyName("members");
        writer.WriteStartArray();
        foreach (var level in _levels)
            level.Write(writer, exception);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    public override object Read(JsonElement element)
    {
        var exception = Create();
        MessageField.SetValue(exception, element.GetProperty("message").GetString());
        if (element.TryGetProperty("inner", out var inner))
            InnerField.SetValue(exception, codecs.Member(typeof(Exception)).Read(inner));
        exception.HResult = element.GetProperty("hresult").GetInt32();
        if (element.GetProperty("stack").GetString() is { } stack)
            ExceptionDispatchInfo.SetRemoteStackTrace(exception, stack);
        var members = element.GetProperty("members");
        for (var i = 0; i < _levels.Length && i < members.GetArrayLength(); i++)
            _levels[i].Read(members[i], exception);
        return exception;
    }

    private static int Depth(Exception exception)
    {
        var depth = 0;
        for (var inner = exception.InnerException; inner is not null; inner = inner.InnerException)
            depth++;
        return depth;
    }

    private static FieldInfo Field(string name) =>
        typeof(Exception).GetField(name, BindingFlags.Instance | BindingFlags.NonPublic)
        ?? throw new MissingFieldException(nameof(Exception), name);

    private void WriteInner(Utf8JsonWriter writer, Exception inner)
    {
        // An inner exception that cannot travel must not keep the outer one from arriving.
        var travels = codecs.For(inner.GetType()) is not LocalOnlyCodec;
        codecs.Member(typeof(Exception)).Write(writer, travels ? inner : new Runtime.OrleansException(inner.ToString()));
    }

    private Exception Create()
    {
        if (type.GetConstructor(Type.EmptyTypes) is not null)
            return (Exception)Activator.CreateInstance(type)!;

        // Its own constructors want arguments that did not travel; the base constructor still runs.
        var exception = (Exception)RuntimeHelpers.GetUninitializedObject(type);
        typeof(Exception).GetConstructor(Type.EmptyTypes)!.Invoke(exception, null);
        return exception;
    }
}
