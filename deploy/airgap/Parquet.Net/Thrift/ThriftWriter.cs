using System.Text;

namespace Parquet.Thrift;

/// <summary>Thrift compact protocol, writing. Fields must be written in increasing order of their ids.</summary>
internal sealed class ThriftWriter(Stream output)
{
    private readonly Stack<short> _outer = new();
    private short _last;

    public void Begin()
    {
        _outer.Push(_last);
        _last = 0;
    }

    public void End()
    {
        output.WriteByte((byte)CompactType.Stop);
        _last = _outer.Pop();
    }

    public void BeginField(short id)
    {
        Header(id, CompactType.Struct);
        Begin();
    }

    /// <summary>A struct without fields, such as the marker of a logical type.</summary>
    public void Empty(short id)
    {
        BeginField(id);
        End();
    }

    public void Bool(short id, bool value) => Header(id, value ? CompactType.True : CompactType.False);

    public void SByte(short id, sbyte value)
    {
        Header(id, CompactType.Byte);
        output.WriteByte((byte)value);
    }

    public void I32(short id, int? value)
    {
        if (value is not int number) return;
        Header(id, CompactType.I32);
        I32Element(number);
    }

    public void I64(short id, long? value)
    {
        if (value is not long number) return;
        Header(id, CompactType.I64);
        Varint((ulong)((number << 1) ^ (number >> 63)));
    }

    public void String(short id, string? value)
    {
        if (value is null) return;
        Header(id, CompactType.Binary);
        StringElement(value);
    }

    public void Binary(short id, byte[]? value)
    {
        if (value is null) return;
        Header(id, CompactType.Binary);
        Varint((ulong)value.Length);
        output.Write(value);
    }

    public void List(short id, CompactType element, int count)
    {
        Header(id, CompactType.List);
        if (count < 15)
        {
            output.WriteByte((byte)(count << 4 | (int)element));
            return;
        }
        output.WriteByte((byte)(0xF0 | (int)element));
        Varint((ulong)count);
    }

    public void I32Element(int value) => Varint((uint)((value << 1) ^ (value >> 31)));

    public void StringElement(string value)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        Varint((ulong)bytes.Length);
        output.Write(bytes);
    }

    private void Header(short id, CompactType type)
    {
        int delta = id - _last;
        if (delta is > 0 and <= 15)
        {
            output.WriteByte((byte)(delta << 4 | (int)type));
        }
        else
        {
            output.WriteByte((byte)type);
            Varint((uint)((id << 1) ^ (id >> 15)));
        }
        _last = id;
    }

    private void Varint(ulong value)
    {
        while (value >= 0x80)
        {
            output.WriteByte((byte)(value | 0x80));
            value >>= 7;
        }
        output.WriteByte((byte)value);
    }
}
