using System.Text.Json;
using Orleans.Runtime;

namespace Orleans.Serialization;

/// <summary>A reference travels as the grain's identity and the interface, and comes alive in the runtime that reads it.</summary>
internal sealed class GrainReferenceCodec(IRuntimeClient runtime) : ValueCodec
{
    public override bool IsImmutable => true;

    public override object Copy(object value) => value;

    public override void Write(Utf8JsonWriter writer, object value)
    {
        var reference = value as GrainReference ?? ((IGrainBase)value).GrainContext.GrainReference;
        writer.WriteStartArray();
        writer.WriteStringValue(reference.GrainId.ToString());
        writer.WriteStringValue(TypeNames.Format(reference.Interface));
        writer.WriteEndArray();
    }

    public override object Read(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Array
            || element.GetArrayLength() != 2
            || !GrainId.TryParse(element[0].GetString(), out var id)
            || element[1].GetString() is not { } name)
            throw new SerializerException("A grain reference is not a pair of identity and interface.");
        var type = TypeNames.Parse(name);
        if (!type.IsInterface || !typeof(IAddressable).IsAssignableFrom(type))
            throw new SerializerException($"{type} is not a grain interface.");
        return GrainReference.Create(type, id, runtime);
    }
}
