using System.Buffers.Binary;

namespace Parquet.File.Encodings;

/// <summary>
/// The format's mix of run lengths and bit-packed groups, of values of up to 32 bits. Reads only what it is given and fails where
/// that ends before the values do.
/// </summary>
internal ref struct RleDecoder
{
    private readonly ReadOnlySpan<byte> _data;
    private readonly int _width;
    private readonly string _column;
    private int _at;
    private long _runLeft;
    private int _runValue;
    private long _packedLeft;
    private long _packedBit;
    private int _packedEnd;

    public RleDecoder(ReadOnlySpan<byte> data, int width, string column)
    {
        if (width is < 0 or > 32) throw new ParquetException($"column '{column}' is damaged: values of {width} bits");
        _data = data;
        _width = width;
        _column = column;
    }

    /// <summary>Bits that a number up to <paramref name="max"/> takes.</summary>
    public static int WidthOf(int max) => 32 - int.LeadingZeroCount(max);

    public void Read(Span<int> into)
    {
        while (!into.IsEmpty)
        {
            int took;
            if (_runLeft > 0)
            {
                took = (int)Math.Min(_runLeft, into.Length);
                into[..took].Fill(_runValue);
                _runLeft -= took;
            }
            else if (_packedLeft > 0)
            {
                took = (int)Math.Min(_packedLeft, into.Length);
                Unpack(into[..took]);
                _packedLeft -= took;
                if (_packedLeft == 0) _at = _packedEnd;
            }
            else
            {
                NextRun();
                took = 0;
            }
            into = into[took..];
        }
    }

    /// <summary>Every run takes at least a byte, so empty runs cannot go on for ever.</summary>
    private void NextRun()
    {
        uint header = Varint();
        if ((header & 1) == 0)
        {
            _runLeft = header >> 1;
            _runValue = RunValue();
            return;
        }
        long groups = header >> 1;
        long bytes = Math.Min(groups * _width, _data.Length - _at);
        _packedLeft = _width == 0 ? groups * 8 : Math.Min(groups * 8, bytes * 8 / _width);
        _packedBit = (long)_at * 8;
        _packedEnd = _at + (int)bytes;
        if (_packedLeft == 0) _at = _packedEnd;
    }

    private int RunValue()
    {
        int bytes = (_width + 7) / 8;
        if (bytes > _data.Length - _at) throw Ended();
        uint value = 0;
        for (int i = 0; i < bytes; i++) value |= (uint)_data[_at++] << (8 * i);
        return (int)value;
    }

    private void Unpack(Span<int> into)
    {
        if (_width == 0)
        {
            into.Clear();
            return;
        }
        ulong mask = (1UL << _width) - 1;
        long bit = _packedBit;
        int i = 0;
        for (; i < into.Length && (int)(bit >> 3) + 8 <= _data.Length; i++, bit += _width)
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(_data[(int)(bit >> 3)..]);
            into[i] = (int)((word >> (int)(bit & 7)) & mask);
        }
        for (; i < into.Length; i++, bit += _width) into[i] = (int)((Tail((int)(bit >> 3)) >> (int)(bit & 7)) & mask);
        _packedBit = bit;
    }

    /// <summary>The last few bytes as a little-endian word.</summary>
    private readonly ulong Tail(int at)
    {
        ulong word = 0;
        for (int i = Math.Min(_data.Length - at, 8) - 1; i >= 0; i--) word = word << 8 | _data[at + i];
        return word;
    }

    private uint Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 35; shift += 7)
        {
            if (_at >= _data.Length) throw Ended();
            byte b = _data[_at++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return (uint)value;
        }
        throw new ParquetException($"column '{_column}' is damaged: a run length of more than 5 bytes");
    }

    private readonly ParquetException Ended() => new($"column '{_column}' is damaged: its levels or indexes end before its values do");
}
