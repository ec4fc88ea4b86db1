using System.Text.Json;

namespace Orleans.Serialization;

/// <summary>Copies and writes the values of one type. Values are never null here.</summary>
internal abstract class ValueCodec
{
    /// <summary>Whether values are never changed, so that a copy is the value itself.</summary>
    public virtual bool IsImmutable => false;

    public abstract object Copy(object value);

    public abstract void Write(Utf8JsonWriter writer, object value);

    /// <exception cref="SerializerException">The element does not hold a value of this type.</exception>
    public abstract object Read(JsonElement element);
}

/// <summary>Numbers, strings, dates and the like, as System.Text.Json writes them.</summary>
internal sealed class ScalarCodec(Type type) : ValueCodec
{
    private static readonly JsonSerializerOptions Options = new()
    {
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public override bool IsImmutable => true;

    public static bool Supports(Type type) =>
        type.IsPrimitive || type.IsEnum || type == typeof(string) || type == typeof(decimal) || type == typeof(Guid)
        || type == typeof(DateTime) || type == typeof(DateTimeOffset) || type == typeof(TimeSpan) || type == typeof(DateOnly)
        || type == typeof(TimeOnly) || type == typeof(Uri) || type == typeof(Version) || type == typeof(Int128)
        || type == typeof(UInt128) || type == typeof(Half);

    public override object Copy(object value) => value;

    public override void Write(Utf8JsonWriter writer, object value) => JsonSerializer.Serialize(writer, value, type, Options);

    public override object Read(JsonElement element) => element.Deserialize(type, Options)!;
}

/// <summary>A type that the application gave to a JSON serializer of its own.</summary>
internal sealed class ExternalJsonCodec(Type type, JsonSerializerOptions options) : ValueCodec
{
    public override object Copy(object value) =>
        JsonSerializer.Deserialize(JsonSerializer.SerializeToUtf8Bytes(value, type, options), type, options)!;

    public override void Write(Utf8JsonWriter writer, object value) => JsonSerializer.Serialize(writer, value, type, options);

    public override object Read(JsonElement element) => element.Deserialize(type, options)!;
}

/// <summary>Values without content that can be copied but never sent, such as tokens and exceptions without a serializer.</summary>
internal sealed class LocalOnlyCodec(Type type) : ValueCodec
{
    public override bool IsImmutable => true;

    public override object Copy(object value) => value;

    public override void Write(Utf8JsonWriter writer, object value) => throw NotFound(type);

    public override object Read(JsonElement element) => throw NotFound(type);

    private static CodecNotFoundException NotFound(Type type) => new($"Could not find a codec for type {type}.");
}

/// <summary>A token does not travel: each side has its own, joined by a cancel message.</summary>
internal sealed class CancellationTokenCodec : ValueCodec
{
    public override bool IsImmutable => true;

    public override object Copy(object value) => value;

    public override void Write(Utf8JsonWriter writer, object value) => writer.WriteNumberValue(0);

    public override object Read(JsonElement element) => CancellationToken.None;
}
