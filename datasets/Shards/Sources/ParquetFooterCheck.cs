using System.Buffers.Binary;

namespace FineTuneGrid.Shards;

/// <summary>
/// Walks a Parquet file's footer (Thrift compact protocol) before the library reads it, so that no length or count in it is believed
/// that the bytes at hand cannot hold: a reader that trusts one allocates or loops as long as the file pleases.
/// </summary>
/// <remarks>https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md</remarks>
public static class ParquetFooterCheck
{
    /// <summary>Longest footer that is read, in bytes. A file of 1,000 columns in 1,000 row groups stays below.</summary>
    public const int MaxLength = 128 << 20;

    private const int TailLength = 8;
    private const int MaxDepth = 32;

    /// <exception cref="InvalidDataException">The footer is longer than the file or the limit, or not well formed.</exception>
    public static async Task RunAsync(Stream stream, CancellationToken cancellation)
    {
        var tail = new byte[TailLength];
        stream.Position = stream.Length - TailLength;
        await stream.ReadExactlyAsync(tail, cancellation);
        var length = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        if (length > stream.Length - TailLength - 4) throw new InvalidDataException($"it says {length} bytes, more than the file has");
        if (length > MaxLength) throw new InvalidDataException($"it has {length} bytes; at most {MaxLength} are read");
        var footer = new byte[length];
        stream.Position = stream.Length - TailLength - length;
        await stream.ReadExactlyAsync(footer, cancellation);
        stream.Position = 0;
        Walk(footer);
    }

    /// <exception cref="InvalidDataException">The bytes are not one struct of the compact protocol.</exception>
    public static void Walk(ReadOnlySpan<byte> footer) => new Walker(footer).Struct(0);

    private enum Kind
    {
        Stop = 0,
        True = 1,
        False = 2,
        Byte = 3,
        I16 = 4,
        I32 = 5,
        I64 = 6,
        Double = 7,
        Binary = 8,
        List = 9,
        Set = 10,
        Map = 11,
        Struct = 12,
        Uuid = 13,
    }

    private ref struct Walker(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;

        public void Struct(int depth)
        {
            if (depth > MaxDepth) throw new InvalidDataException($"its structure is nested deeper than {MaxDepth}");
            while (true)
            {
                var header = Take(1)[0];
                var kind = (Kind)(header & 0x0F);
                if (kind == Kind.Stop) return;
                // Without a difference in the upper half, the field's number follows.
                if (header >> 4 == 0) Number();
                // The values of boolean fields are their kinds.
                if (kind is not (Kind.True or Kind.False)) Value(kind, depth + 1);
            }
        }

        private void Value(Kind kind, int depth)
        {
            switch (kind)
            {
                case Kind.True or Kind.False or Kind.Byte: Take(1); break;
                case Kind.I16 or Kind.I32 or Kind.I64: Number(); break;
                case Kind.Double: Take(8); break;
                case Kind.Uuid: Take(16); break;
                case Kind.Binary: Take(Number()); break;
                case Kind.List or Kind.Set: List(depth); break;
                case Kind.Map: Map(depth); break;
                case Kind.Struct: Struct(depth); break;
                default: throw new InvalidDataException($"it has a value of unknown kind {(int)kind}");
            }
        }

        private void List(int depth)
        {
            if (depth > MaxDepth) throw new InvalidDataException($"its structure is nested deeper than {MaxDepth}");
            var header = Take(1)[0];
            var count = header >> 4 == 15 ? Number() : (ulong)(header >> 4);
            Values(count, depth, (Kind)(header & 0x0F));
        }

        private void Map(int depth)
        {
            var count = Number();
            if (count == 0) return;
            var kinds = Take(1)[0];
            Values(count, depth, (Kind)(kinds >> 4), (Kind)(kinds & 0x0F));
        }

        private void Values(ulong count, int depth, params ReadOnlySpan<Kind> kinds)
        {
            // Every value takes a byte at least.
            if (count > (ulong)_rest.Length) throw new InvalidDataException($"it says {count} values where {_rest.Length} bytes are left");
            for (var i = 0UL; i < count; i++)
            {
                foreach (var kind in kinds) Value(kind, depth + 1);
            }
        }

        private ReadOnlySpan<byte> Take(ulong count)
        {
            if (count > (ulong)_rest.Length) throw new InvalidDataException($"it says {count} bytes where {_rest.Length} are left");
            var taken = _rest[..(int)count];
            _rest = _rest[(int)count..];
            return taken;
        }

        // ULEB128 of 64 bits at most; of signed numbers only the length matters here.
        private ulong Number()
        {
            var number = 0UL;
            for (var shift = 0; shift < 70; shift += 7)
            {
                var part = Take(1)[0];
                number |= (ulong)(part & 0x7F) << shift;
                if (part < 0x80) return number;
            }
            throw new InvalidDataException("it has a number of more than 64 bits");
        }
    }
}
