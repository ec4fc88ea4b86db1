using System.Buffers.Binary;
using System.Text;

namespace FineTuneGrid.EndToEnd;

/// <summary>The fields of one protobuf message, as the wire format has them.</summary>
internal sealed record ProtobufField(int Number, ReadOnlyMemory<byte> Bytes, ulong Value)
{
    public string Text => Encoding.UTF8.GetString(Bytes.Span);

    public string Hex => Convert.ToHexStringLower(Bytes.Span);

    public static IEnumerable<ProtobufField> Of(ReadOnlyMemory<byte> message)
    {
        for (var at = 0; at < message.Length;)
        {
            var tag = Varint(message, ref at);
            var number = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    yield return new ProtobufField(number, default, Varint(message, ref at));
                    break;
                case 1:
                    yield return new ProtobufField(number, default, BinaryPrimitives.ReadUInt64LittleEndian(message.Span[at..]));
                    at += 8;
                    break;
                case 2:
                    var length = (int)Varint(message, ref at);
                    yield return new ProtobufField(number, message.Slice(at, length), 0);
                    at += length;
                    break;
                case 5:
                    yield return new ProtobufField(number, default, BinaryPrimitives.ReadUInt32LittleEndian(message.Span[at..]));
                    at += 4;
                    break;
                default:
                    throw new InvalidDataException($"wire type {tag & 7}");
            }
        }
    }

    /// <summary>The messages under a path of field numbers.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>> Under(ReadOnlyMemory<byte> message, params int[] path) => path.Length == 0
        ? [message]
        : Of(message).Where(f => f.Number == path[0]).SelectMany(f => Under(f.Bytes, path[1..]));

    private static ulong Varint(ReadOnlyMemory<byte> message, ref int at)
    {
        var (value, shift) = (0UL, 0);
        while (true)
        {
            var b = message.Span[at++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return value;
            shift += 7;
        }
    }
}
