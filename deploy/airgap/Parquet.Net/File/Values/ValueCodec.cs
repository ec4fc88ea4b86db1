using System.Buffers;

namespace Parquet.File.Values;

/// <summary>Where one byte array lies in a buffer.</summary>
internal readonly record struct Slice(int Offset, int Length);

/// <summary>
/// The values of one column type, to and from the PLAIN encoding, to which the other encodings are reduced. Decoding checks that
/// the bytes suffice and fills the whole span.
/// </summary>
internal abstract class ValueCodec<T>
{
    protected ValueCodec(string column) => Column = column;

    /// <summary>Decoded values point into the buffer they were decoded from, so it must not be used again.</summary>
    public virtual bool KeepsBuffer => false;

    protected string Column { get; }

    public abstract void Decode(byte[] buffer, int offset, int length, Span<T> into);

    /// <summary>Byte arrays that lie scattered in a buffer; the slices were checked against it.</summary>
    public virtual void DecodeSlices(byte[] buffer, ReadOnlySpan<Slice> slices, Span<T> into) =>
        throw new ParquetException($"column '{Column}' uses an encoding for byte arrays, which it does not hold");

    public abstract void Encode(ReadOnlySpan<T> values, ArrayBufferWriter<byte> into);

    /// <summary>Bytes that the value takes in PLAIN encoding, for deciding where a page ends.</summary>
    public abstract int SizeOf(T value);

    /// <summary>Smallest and largest in PLAIN encoding without length, or nothing where the order is not defined or the values are long.</summary>
    public virtual (byte[] Min, byte[] Max)? MinMax(ReadOnlySpan<T> values) => null;

    protected void Need(long bytes, int length)
    {
        if (bytes > length) throw new ParquetException($"column '{Column}' is damaged: a page holds {length} bytes of values where {bytes} belong");
    }
}
