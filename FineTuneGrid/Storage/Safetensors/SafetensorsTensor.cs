namespace FineTuneGrid.Storage;

/// <summary>One tensor of a safetensors file; its bytes are little-endian and row-major.</summary>
/// <param name="Offset">Bytes from the start of the data section.</param>
/// <param name="Length">Bytes: product of the shape times the size of an element, checked.</param>
public sealed record SafetensorsTensor(string Name, SafetensorsDtype Dtype, IReadOnlyList<long> Shape, long Offset, long Length)
{
    public long ElementCount => Length / Dtype.SizeOf();
}
