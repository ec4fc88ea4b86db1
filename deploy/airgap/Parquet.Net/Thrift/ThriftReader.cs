using System.Text;

namespace Parquet.Thrift;

/// <summary>
/// Thrift compact protocol over bytes that nobody trusts. Every length is compared with what is left before it is used,
/// nesting is counted, and the end of the bytes is an error wherever it is met, so no input can make it loop.
/// </summary>
internal ref struct ThriftReader
{
    /// <summary>Deepest nesting of structs and containers accepted.</summary>
    public const int MaxDepth = 32;

    /// <summary>Longest string or binary accepted, in bytes.</summary>
    public const int MaxString = 16 << 20;

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly string _what;
    private int _depth;

    public ThriftReader(ReadOnlySpan<byte> bytes, string what)
    {
        _bytes = bytes;
        _what = what;
    }

    /// <summary>Bytes consumed so far.</summary>
    public int Position { get; private set; }

    private readonly int Left => _bytes.Length - Position;

    public readonly ParquetException Damaged(string why) => new($"the {_what} is damaged at byte {Position}: {why}");

    /// <summary>Enters a struct; pair it with <see cref="End"/>. Returns the field id to start counting from.</summary>
    public short Begin()
    {
        if (++_depth > MaxDepth) throw Damaged($"nested deeper than {MaxDepth}");
        return 0;
    }

    public void End() => _depth--;

    /// <summary>Reads the next field's header; false at the struct's end.</summary>
    public bool Next(ref short id, out CompactType type)
    {
        byte header = Byte();
        type = Known(header & 0x0F);
        if (type == CompactType.Stop) return false;
        int delta = header >> 4;
        int next = delta != 0 ? id + delta : ZigZag(Varint32());
        if (next is < 0 or > short.MaxValue) throw Damaged($"field number {next}");
        id = (short)next;
        return true;
    }

    /// <summary>Refuses a known field that carries another type than the format gives it.</summary>
    public readonly void Expect(CompactType actual, CompactType wanted, short id)
    {
        if (actual != wanted) throw Damaged($"field {id} is {actual} where {wanted} belongs");
    }

    public readonly bool Bool(CompactType type, short id)
    {
        if (type is not (CompactType.True or CompactType.False)) Expect(type, CompactType.True, id);
        return type == CompactType.True;
    }

    public sbyte SByte(CompactType type, short id)
    {
        Expect(type, CompactType.Byte, id);
        return (sbyte)Byte();
    }

    public short I16(CompactType type, short id)
    {
        Expect(type, CompactType.I16, id);
        int value = ZigZag(Varint32());
        return value is >= short.MinValue and <= short.MaxValue ? (short)value : throw Damaged($"field {id} does not fit 16 bits");
    }

    public int I32(CompactType type, short id)
    {
        Expect(type, CompactType.I32, id);
        return ZigZag(Varint32());
    }

    public long I64(CompactType type, short id)
    {
        Expect(type, CompactType.I64, id);
        ulong raw = Varint64();
        return (long)(raw >> 1) ^ -(long)(raw & 1);
    }

    public byte[] Binary(CompactType type, short id)
    {
        Expect(type, CompactType.Binary, id);
        return Chunk().ToArray();
    }

    public string String(CompactType type, short id)
    {
        Expect(type, CompactType.Binary, id);
        return Encoding.UTF8.GetString(Chunk());
    }

    /// <summary>
    /// Enters a list whose elements must be of one type. An element takes at least one byte on the wire but an object in memory,
    /// so <paramref name="max"/> bounds the count beyond what the bytes left do.
    /// </summary>
    public int List(CompactType type, short id, CompactType element, int max)
    {
        Expect(type, CompactType.List, id);
        int count = ContainerHeader(out CompactType actual);
        if (count > max) throw Damaged($"field {id} lists {count} entries; at most {max} are accepted");
        if (count > 0 && actual != element) throw Damaged($"field {id} lists {actual} where {element} belongs");
        return count;
    }

    public string StringElement() => Encoding.UTF8.GetString(Chunk());

    public int I32Element() => ZigZag(Varint32());

    /// <summary>Skips a field of any type.</summary>
    public void Skip(CompactType type)
    {
        switch (type)
        {
            case CompactType.True or CompactType.False: break;
            case CompactType.Byte: Advance(1); break;
            case CompactType.I16 or CompactType.I32: Varint32(); break;
            case CompactType.I64: Varint64(); break;
            case CompactType.Double: Advance(8); break;
            case CompactType.Uuid: Advance(16); break;
            case CompactType.Binary: Chunk(); break;
            case CompactType.Struct: SkipStruct(); break;
            case CompactType.List or CompactType.Set: SkipList(); break;
            case CompactType.Map: SkipMap(); break;
            default: throw Damaged($"type {type}");
        }
    }

    private void SkipStruct()
    {
        short id = Begin();
        while (Next(ref id, out CompactType type)) Skip(type);
        End();
    }

    private void SkipList()
    {
        Begin();
        int count = ContainerHeader(out CompactType element);
        for (int i = 0; i < count; i++) SkipElement(element);
        End();
    }

    private void SkipMap()
    {
        Begin();
        int count = Count(Varint32());
        if (count > 0)
        {
            byte types = Byte();
            CompactType key = Known(types >> 4), value = Known(types & 0x0F);
            for (int i = 0; i < count; i++)
            {
                SkipElement(key);
                SkipElement(value);
            }
        }
        End();
    }

    /// <summary>Inside a container a bool takes a byte; as a field its value is in the header.</summary>
    private void SkipElement(CompactType element)
    {
        if (element is CompactType.True or CompactType.False) Advance(1);
        else Skip(element);
    }

    private int ContainerHeader(out CompactType element)
    {
        byte header = Byte();
        element = Known(header & 0x0F);
        int small = header >> 4;
        int count = small == 15 ? Count(Varint32()) : Count((uint)small);
        if (count > 0 && element == CompactType.Stop) throw Damaged("a list without an element type");
        return count;
    }

    private readonly int Count(uint declared) =>
        declared <= (uint)Left ? (int)declared : throw Ended($"a container of {declared} elements in {Left} bytes");

    private readonly CompactType Known(int type) =>
        type <= (int)CompactType.Uuid ? (CompactType)type : throw Damaged($"unknown type {type}");

    private ReadOnlySpan<byte> Chunk()
    {
        uint length = Varint32();
        if (length > MaxString) throw Damaged($"a string of {length} bytes; at most {MaxString} are accepted");
        if (length > (uint)Left) throw Ended($"a string of {length} bytes where {Left} are left");
        ReadOnlySpan<byte> chunk = _bytes.Slice(Position, (int)length);
        Position += (int)length;
        return chunk;
    }

    private void Advance(int count)
    {
        if (count > Left) throw Ended();
        Position += count;
    }

    private byte Byte()
    {
        if (Left == 0) throw Ended();
        return _bytes[Position++];
    }

    private uint Varint32()
    {
        ulong value = Varint64();
        return value <= uint.MaxValue ? (uint)value : throw Damaged("a number too large for 32 bits");
    }

    private ulong Varint64()
    {
        ulong value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            byte b = Byte();
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return value;
        }
        throw Damaged("a number of more than 10 bytes");
    }

    private static int ZigZag(uint raw) => (int)(raw >> 1) ^ -(int)(raw & 1);

    private readonly ThriftEndException Ended(string why = "it ends in the middle") => new($"the {_what} is damaged at byte {Position}: {why}");
}

/// <summary>The bytes ended before the value did; a page header's reader then tries again with more bytes.</summary>
internal sealed class ThriftEndException(string message) : ParquetException(message);
