namespace FineTuneGrid.Storage;

/// <summary>One tensor to write. The bytes (little-endian, row-major) are asked for once, when their turn comes.</summary>
public sealed record SafetensorsEntry(string Name, SafetensorsDtype Dtype, IReadOnlyList<long> Shape, Func<ReadOnlyMemory<byte>> Bytes)
{
    public SafetensorsEntry(string name, SafetensorsDtype dtype, IReadOnlyList<long> shape, ReadOnlyMemory<byte> bytes)
        : this(name, dtype, shape, () => bytes)
    {
    }

    public long Length => Shape.Aggregate((long)Dtype.SizeOf(), (product, dimension) => checked(product * dimension));
}
