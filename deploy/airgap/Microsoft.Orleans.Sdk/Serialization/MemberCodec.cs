using System.Text.Json;

namespace Orleans.Serialization;

/// <summary>
/// Writes values declared as one type that may be null or of a derived type. Where the declared type does not fix the actual
/// one, the value is wrapped as <c>{"$t": type name, "$v": value}</c>. A collection of a type that nobody can send, declared as one
/// of the common interfaces, travels as the usual class that implements the interface.
/// </summary>
internal sealed class MemberCodec
{
    private readonly ValueCodecs _codecs;
    private readonly ValueCodec? _exact;
    private readonly CollectionFallback? _fallback;

    public MemberCodec(Type declared, ValueCodecs codecs)
    {
        _codecs = codecs;
        var type = Nullable.GetUnderlyingType(declared) ?? declared;
        if (typeof(Runtime.IAddressable).IsAssignableFrom(type) && type.IsInterface)
            _exact = codecs.References;
        else if (IsFinal(type))
            _exact = codecs.For(type);
        else
            _fallback = CollectionFallback.For(type);
    }

    public bool IsImmutable => _exact?.IsImmutable ?? false;

    public object? Copy(object? value)
    {
        if (value is null || IsImmutable)
            return value;
        return _exact is not null ? _exact.Copy(value) : FindCodec(ref value).Copy(value);
    }

    public void Write(Utf8JsonWriter writer, object? value)
    {
        if (value is null)
        {
            writer.WriteNullValue();
        }
        else if (_exact is not null)
        {
            _exact.Write(writer, value);
        }
        else
        {
            var codec = FindCodec(ref value);
            _codecs.Named.Require(value.GetType());
            writer.WriteStartObject();
            writer.WriteString("$t", TypeNames.Format(value.GetType()));
            writer.WritePropertyName("$v");
            codec.Write(writer, value);
            writer.WriteEndObject();
        }
    }

    public object? Read(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Null)
            return null;
        if (_exact is not null)
            return _exact.Read(element);
        if (element.ValueKind != JsonValueKind.Object
            || !element.TryGetProperty("$t", out var name)
            || !element.TryGetProperty("$v", out var value)
            || name.GetString() is not { } typeName)
            throw new SerializerException("A value of unknown type is not wrapped with its type.");
        var type = TypeNames.Parse(typeName);
        _codecs.Named.Require(type);
        return _codecs.For(type).Read(value);
    }

    public void WriteAll<T>(Utf8JsonWriter writer, IEnumerable<T> values)
    {
        writer.WriteStartArray();
        foreach (var value in values)
            Write(writer, value);
        writer.WriteEndArray();
    }

    public List<T> ReadAll<T>(JsonElement element)
    {
        var result = new List<T>(element.GetArrayLength());
        foreach (var item in element.EnumerateArray())
            result.Add((T)Read(item)!);
        return result;
    }

    private ValueCodec FindCodec(ref object value)
    {
        if (_fallback is not null && !_codecs.Supports(value.GetType()))
            value = _fallback.Convert(value);
        return _codecs.For(value.GetType());
    }

    private static bool IsFinal(Type type) => type.IsArray ? IsFinal(type.GetElementType()!) : type.IsSealed;
}
