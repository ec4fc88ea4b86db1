using System.Numerics;
using System.Runtime.InteropServices;

namespace FineTuneGrid.Storage;

/// <summary>Checks of tensor values.</summary>
public static class SafetensorsValues
{
    private const int ChunkBytes = 1 << 20;

    /// <summary>The index (row-major) of the first element that is infinite or not a number; null where all are finite. Types without such values have none.</summary>
    public static unsafe long? FirstNonFinite(this SafetensorsFile file, SafetensorsTensor tensor)
    {
        var start = (byte*)file.AddressOf(tensor);
        for (var offset = 0L; offset < tensor.Length; offset += ChunkBytes)
        {
            var chunk = new ReadOnlySpan<byte>(start + offset, (int)Math.Min(ChunkBytes, tensor.Length - offset));
            var index = tensor.Dtype switch
            {
                // All exponent bits set: the value is an infinity or a NaN.
                SafetensorsDtype.F16 => FirstWith<ushort>(chunk, 0x7C00),
                SafetensorsDtype.BF16 => FirstWith<ushort>(chunk, 0x7F80),
                SafetensorsDtype.F32 => FirstWith(chunk, 0x7F80_0000u),
                SafetensorsDtype.F64 => FirstWith(chunk, 0x7FF0_0000_0000_0000ul),
                _ => -1,
            };
            if (index >= 0)
                return offset / tensor.Dtype.SizeOf() + index;
        }
        return null;
    }

    private static int FirstWith<T>(ReadOnlySpan<byte> bytes, T exponent)
        where T : unmanaged, IBinaryInteger<T>
    {
        var values = MemoryMarshal.Cast<byte, T>(bytes);
        var mask = new Vector<T>(exponent);
        var i = 0;
        for (; i <= values.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            if (Vector.EqualsAny(new Vector<T>(values[i..]) & mask, mask))
                break;
        }
        for (; i < values.Length; i++)
        {
            if ((values[i] & exponent) == exponent)
                return i;
        }
        return -1;
    }
}
