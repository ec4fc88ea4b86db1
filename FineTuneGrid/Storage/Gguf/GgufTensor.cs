namespace FineTuneGrid.Storage;

/// <summary>The element types of tensors that we write and read, by their numbers in the format.</summary>
public enum GgufType
{
    F32 = 0,
    F16 = 1,
    BF16 = 30,
}

/// <summary>One tensor to write.</summary>
/// <param name="Shape">Outermost dimension first, as PyTorch has it; the file has it the other way round.</param>
/// <param name="Write">Writes the elements, little-endian and row-major; called once, when its turn comes.</param>
public sealed record GgufEntry(string Name, GgufType Type, IReadOnlyList<long> Shape, Action<Stream> Write)
{
    public long Length => Gguf.LengthOf(Type, Shape);
}

/// <summary>A stored tensor.</summary>
/// <param name="Shape">Outermost dimension first.</param>
/// <param name="Offset">Of its first byte in the file.</param>
public sealed record GgufTensor(string Name, GgufType Type, IReadOnlyList<long> Shape, long Offset)
{
    public long Length => Gguf.LengthOf(Type, Shape);
}

/// <summary>Numbers of the format (GGUF, version 3).</summary>
internal static class Gguf
{
    /// <summary>The four letters, as a little-endian number.</summary>
    public const uint Magic = 0x46554747;
    public const uint Version = 3;
    public const int MaxDimensions = 4;

    /// <summary>Of every tensor's data, where the metadata says nothing else.</summary>
    public const int Alignment = 32;

    public static int SizeOf(GgufType type) => type == GgufType.F32 ? 4 : 2;

    public static long LengthOf(GgufType type, IReadOnlyList<long> shape) => shape.Aggregate((long)SizeOf(type), (product, n) => checked(product * n));

    public static long Aligned(long offset) => (offset + Alignment - 1) / Alignment * Alignment;
}
