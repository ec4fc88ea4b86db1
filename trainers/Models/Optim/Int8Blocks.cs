using System.Buffers.Binary;

namespace FineTuneGrid.Models.Optim;

/// <summary>
/// Numbers in a byte each: blocks of 1,024 share an fp32 scale, the block's largest magnitude / 127. What rounding loses is handed
/// back, so that a sender can add it to what it sends next (error feedback, Seide et al. 2014): nothing is lost for good.
/// </summary>
public static class Int8Blocks
{
    public const int Block = 1024;

    /// <summary>Bytes of so many numbers: the numbers' own, then the blocks' scales.</summary>
    public static int Size(int count) => checked(count + Blocks(count) * sizeof(float));

    /// <param name="values">Replaced by what the code does not hold: value - decoded value.</param>
    /// <param name="code"><see cref="Size"/> bytes.</param>
    public static void Encode(Span<float> values, Span<byte> code)
    {
        for (var block = 0; block * Block < values.Length; block++)
        {
            var part = values.Slice(block * Block, Math.Min(Block, values.Length - block * Block));
            var largest = 0f;
            foreach (var value in part) largest = Math.Max(largest, Math.Abs(value));
            var scale = largest / 127;
            BinaryPrimitives.WriteSingleLittleEndian(code[(values.Length + block * sizeof(float))..], scale);
            var bytes = code.Slice(block * Block, part.Length);
            for (var i = 0; i < part.Length; i++)
            {
                var rounded = scale > 0 ? (sbyte)Math.Clamp(MathF.Round(part[i] / scale), -127, 127) : (sbyte)0;
                bytes[i] = (byte)rounded;
                part[i] -= rounded * scale;
            }
        }
    }

    /// <summary>Adds the coded numbers, times a factor, to a sum.</summary>
    public static void AddDecoded(ReadOnlySpan<byte> code, float factor, Span<float> sum)
    {
        for (var block = 0; block * Block < sum.Length; block++)
        {
            var part = sum.Slice(block * Block, Math.Min(Block, sum.Length - block * Block));
            var scale = BinaryPrimitives.ReadSingleLittleEndian(code[(sum.Length + block * sizeof(float))..]) * factor;
            var bytes = code.Slice(block * Block, part.Length);
            for (var i = 0; i < part.Length; i++) part[i] += (sbyte)bytes[i] * scale;
        }
    }

    private static int Blocks(int count) => (count + Block - 1) / Block;
}
