namespace FineTuneGrid.Storage;

/// <summary>One tensor to write. The bytes (little-endian, row-major) are asked for once, when their turn comes.</summary>
/// <param name="Pieces">The bytes in pieces that follow each other, for tensors of any size and of those that nobody wants in memory whole.</param>
public sealed record SafetensorsEntry(string Name, SafetensorsDtype Dtype, IReadOnlyList<long> Shape, Func<IEnumerable<ReadOnlyMemory<byte>>> Pieces)
{
    public SafetensorsEntry(string name, SafetensorsDtype dtype, IReadOnlyList<long> shape, ReadOnlyMemory<byte> bytes)
        : this(name, dtype, shape, () => bytes)
    {
    }

    public SafetensorsEntry(string name, SafetensorsDtype dtype, IReadOnlyList<long> shape, Func<ReadOnlyMemory<byte>> bytes)
        : this(name, dtype, shape, () => (IEnumerable<ReadOnlyMemory<byte>>)[bytes()])
    {
    }

    public long Length => Shape.Aggregate((long)Dtype.SizeOf(), (product, dimension) => checked(product * dimension));
}
