#if GRID_AIRGAP
namespace FineTuneGrid.ParquetTests;

/// <summary>Writes Thrift's compact protocol by hand, lies included.</summary>
internal sealed class ThriftBytes
{
    private readonly List<byte> _bytes = [];
    private readonly Stack<int> _outer = new();
    private int _last;

    public byte[] ToArray() => [.. _bytes];

    public ThriftBytes Raw(params byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public ThriftBytes Field(int id, int type)
    {
        _bytes.Add((byte)((id - _last) << 4 | type));
        _last = id;
        return this;
    }

    public ThriftBytes I32(int id, int value) => Field(id, 5).Varint((uint)((value << 1) ^ (value >> 31)));

    public ThriftBytes I64(int id, long value) => Field(id, 6).Varint((ulong)((value << 1) ^ (value >> 63)));

    public ThriftBytes Text(int id, string value) => Field(id, 8).Element(value);

    public ThriftBytes Element(string value) => Varint((ulong)value.Length).Raw(System.Text.Encoding.ASCII.GetBytes(value));

    public ThriftBytes List(int id, int type, long count) => Field(id, 9).Raw((byte)(0xF0 | type)).Varint((ulong)count);

    public ThriftBytes Begin()
    {
        _outer.Push(_last);
        _last = 0;
        return this;
    }

    public ThriftBytes End()
    {
        _bytes.Add(0);
        _last = _outer.Pop();
        return this;
    }

    public ThriftBytes Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7) _bytes.Add((byte)(value | 0x80));
        _bytes.Add((byte)value);
        return this;
    }
}
#endif
