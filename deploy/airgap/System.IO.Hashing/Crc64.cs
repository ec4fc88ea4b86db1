using System.Buffers.Binary;

namespace System.IO.Hashing;

/// <summary>CRC-64 of ECMA-182: polynomial 0x42F0E1EBA9EA3693, not reflected, starting at zero, hash bytes big-endian.</summary>
public sealed class Crc64 : NonCryptographicHashAlgorithm
{
    private const int Size = 8;
    private const ulong Polynomial = 0x42F0E1EBA9EA3693;

    private static readonly ulong[] Table = BuildTable();

    private ulong _state;

    public Crc64() : base(Size) { }

    private Crc64(ulong state) : base(Size) => _state = state;

    public static byte[] Hash(byte[] source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return Hash(new ReadOnlySpan<byte>(source));
    }

    public static byte[] Hash(ReadOnlySpan<byte> source)
    {
        byte[] hash = new byte[Size];
        BinaryPrimitives.WriteUInt64BigEndian(hash, HashToUInt64(source));
        return hash;
    }

    public static bool TryHash(ReadOnlySpan<byte> source, Span<byte> destination, out int bytesWritten)
    {
        bytesWritten = destination.Length < Size ? 0 : Size;
        if (bytesWritten == 0) return false;
        BinaryPrimitives.WriteUInt64BigEndian(destination, HashToUInt64(source));
        return true;
    }

    public static int Hash(ReadOnlySpan<byte> source, Span<byte> destination) =>
        TryHash(source, destination, out int written) ? written : throw TooShort(nameof(destination));

    public static ulong HashToUInt64(ReadOnlySpan<byte> source) => Update(0, source);

    public ulong GetCurrentHashAsUInt64() => _state;

    public Crc64 Clone() => new(_state);

    public override void Append(ReadOnlySpan<byte> source) => _state = Update(_state, source);

    public override void Reset() => _state = 0;

    protected override void GetCurrentHashCore(Span<byte> destination) => BinaryPrimitives.WriteUInt64BigEndian(destination, _state);

    private static ulong Update(ulong crc, ReadOnlySpan<byte> source)
    {
        ulong[] table = Table;
        foreach (byte b in source) crc = table[(crc >> 56) ^ b] ^ crc << 8;
        return crc;
    }

    private static ulong[] BuildTable()
    {
        ulong[] table = new ulong[256];
        for (uint i = 0; i < 256; i++)
        {
            ulong crc = (ulong)i << 56;
            for (int bit = 0; bit < 8; bit++) crc = (long)crc < 0 ? crc << 1 ^ Polynomial : crc << 1;
            table[i] = crc;
        }
        return table;
    }
}
