using System.Buffers.Binary;

namespace System.IO.Hashing;

/// <summary>CRC-32 as in IEEE 802.3, gzip and PNG: reflected polynomial 0xEDB88320, hash bytes little-endian.</summary>
public sealed class Crc32 : NonCryptographicHashAlgorithm
{
    private const int Size = 4;
    private const uint Initial = uint.MaxValue;

    /// <summary>Eight tables of 256: what a byte does when it lies that many bytes ahead.</summary>
    private static readonly uint[] Tables = BuildTables();

    private uint _state = Initial;

    public Crc32() : base(Size) { }

    private Crc32(uint state) : base(Size) => _state = state;

    public static byte[] Hash(byte[] source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return Hash(new ReadOnlySpan<byte>(source));
    }

    public static byte[] Hash(ReadOnlySpan<byte> source)
    {
        byte[] hash = new byte[Size];
        BinaryPrimitives.WriteUInt32LittleEndian(hash, HashToUInt32(source));
        return hash;
    }

    public static bool TryHash(ReadOnlySpan<byte> source, Span<byte> destination, out int bytesWritten)
    {
        bytesWritten = destination.Length < Size ? 0 : Size;
        if (bytesWritten == 0) return false;
        BinaryPrimitives.WriteUInt32LittleEndian(destination, HashToUInt32(source));
        return true;
    }

    public static int Hash(ReadOnlySpan<byte> source, Span<byte> destination) =>
        TryHash(source, destination, out int written) ? written : throw TooShort(nameof(destination));

    public static uint HashToUInt32(ReadOnlySpan<byte> source) => ~Update(Initial, source);

    public uint GetCurrentHashAsUInt32() => ~_state;

    public Crc32 Clone() => new(_state);

    public override void Append(ReadOnlySpan<byte> source) => _state = Update(_state, source);

    public override void Reset() => _state = Initial;

    protected override void GetCurrentHashCore(Span<byte> destination) => BinaryPrimitives.WriteUInt32LittleEndian(destination, ~_state);

    private static uint Update(uint crc, ReadOnlySpan<byte> source)
    {
        uint[] t = Tables;
        while (source.Length >= 8)
        {
            uint low = BinaryPrimitives.ReadUInt32LittleEndian(source) ^ crc, high = BinaryPrimitives.ReadUInt32LittleEndian(source[4..]);
            crc = t[1792 + (low & 0xFF)] ^ t[1536 + (low >> 8 & 0xFF)] ^ t[1280 + (low >> 16 & 0xFF)] ^ t[1024 + (low >> 24)]
                ^ t[768 + (high & 0xFF)] ^ t[512 + (high >> 8 & 0xFF)] ^ t[256 + (high >> 16 & 0xFF)] ^ t[high >> 24];
            source = source[8..];
        }
        foreach (byte b in source) crc = t[(crc ^ b) & 0xFF] ^ crc >> 8;
        return crc;
    }

    private static uint[] BuildTables()
    {
        uint[] tables = new uint[8 * 256];
        for (uint i = 0; i < 256; i++)
        {
            uint crc = i;
            for (int bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
            tables[i] = crc;
        }
        for (int i = 256; i < tables.Length; i++) tables[i] = tables[i - 256] >> 8 ^ tables[tables[i - 256] & 0xFF];
        return tables;
    }
}
