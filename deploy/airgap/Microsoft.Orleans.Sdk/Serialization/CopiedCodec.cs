using System.Text.Json;
using Orleans.Serialization.Cloning;

namespace Orleans.Serialization;

/// <summary>A type that travels by one codec and is copied by a copier of the application.</summary>
internal sealed class CopiedCodec(ValueCodec inner, IGeneralizedCopier copier) : ValueCodec
{
    public override bool IsImmutable { get; } = copier is IOptionalDeepCopier optional && optional.IsShallowCopyable();

    public override object Copy(object value) => copier.DeepCopy(value, CopyContext.Empty)!;

    public override void Write(Utf8JsonWriter writer, object value) => inner.Write(writer, value);

    public override object Read(JsonElement element) => inner.Read(element);
}
