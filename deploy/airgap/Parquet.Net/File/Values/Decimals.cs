using System.Numerics;

namespace Parquet.File.Values;

/// <summary>System.Decimal to and from an unscaled integer.</summary>
internal static class Decimals
{
    public static decimal Scaled(long unscaled, int scale, string column)
    {
        if (scale is < 0 or > 28) throw TooLarge(column);
        return new decimal((int)(uint)Magnitude(unscaled), (int)(Magnitude(unscaled) >> 32), 0, unscaled < 0, (byte)scale);
    }

    public static long Unscaled(decimal value, int scale, string column)
    {
        try
        {
            return (long)decimal.Truncate(value * Power(scale, column));
        }
        catch (OverflowException e)
        {
            throw new ArgumentException($"column '{column}' cannot hold {value}", e);
        }
    }

    /// <summary>Big-endian two's complement.</summary>
    public static decimal Read(ReadOnlySpan<byte> bytes, int scale, string column)
    {
        if (scale is < 0 or > 28) throw TooLarge(column);
        var unscaled = new BigInteger(bytes, isUnsigned: false, isBigEndian: true);
        var magnitude = BigInteger.Abs(unscaled);
        if (magnitude.GetBitLength() > 96) throw TooLarge(column);
        uint low = (uint)(magnitude & uint.MaxValue), mid = (uint)(magnitude >> 32 & uint.MaxValue), high = (uint)(magnitude >> 64);
        return new decimal((int)low, (int)mid, (int)high, unscaled.Sign < 0, (byte)scale);
    }

    public static void Write(decimal value, int scale, Span<byte> into, string column)
    {
        BigInteger unscaled = ToUnscaled(value, scale);
        Span<byte> bytes = stackalloc byte[40];
        if (!unscaled.TryWriteBytes(bytes, out int wrote, isUnsigned: false, isBigEndian: true) || wrote > into.Length)
            throw new ArgumentException($"column '{column}' cannot hold {value}");
        into.Fill(unscaled.Sign < 0 ? (byte)0xFF : (byte)0);
        bytes[..wrote].CopyTo(into[^wrote..]);
    }

    private static BigInteger ToUnscaled(decimal value, int scale)
    {
        Span<int> bits = stackalloc int[4];
        decimal.GetBits(value, bits);
        int own = bits[3] >> 16 & 0xFF;
        BigInteger digits = ((BigInteger)(uint)bits[2] << 64) + ((BigInteger)(uint)bits[1] << 32) + (uint)bits[0];
        if (bits[3] < 0) digits = -digits;
        return own <= scale ? digits * BigInteger.Pow(10, scale - own) : digits / BigInteger.Pow(10, own - scale);
    }

    private static ulong Magnitude(long value) => value < 0 ? 0UL - (ulong)value : (ulong)value;

    private static decimal Power(int scale, string column) =>
        scale is >= 0 and <= 28 ? (decimal)BigInteger.Pow(10, scale) : throw TooLarge(column);

    private static ParquetException TooLarge(string column) => new($"column '{column}' holds decimals that .NET cannot hold: more than 28 digits, or a scale outside 0 to 28");
}
