using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Loading;

/// <summary>
/// A matrix in 4-bit NormalFloat with double quantisation: half a byte a weight, a byte for each block of 64 and 4 bytes for each 256
/// blocks, about 0.52 bytes a weight together. Made whole again at each use.
/// </summary>
public sealed class Nf4Matrix : IDisposable
{
    /// <summary>Weights quantised at a time: a multiple of the block.</summary>
    private const long Piece = 16L << 20;

    private readonly long[] _shape;
    private readonly Tensor _codes;
    private readonly Tensor _scales;
    private readonly Tensor _groupScales;
    private readonly Tensor _offset;
    private readonly Nf4Tables _tables;

    private Nf4Matrix(long[] shape, Tensor codes, float[] scales, Device device)
    {
        _shape = shape;
        _codes = Kept(codes, device);
        var (quantized, groups, offset) = QuantizeScales(scales);
        _scales = Kept(tensor([.. quantized.Select(q => (int)q)]).to(ScalarType.Byte), device);
        _groupScales = Kept(tensor(groups), device);
        _offset = Kept(tensor([offset]), device);
        _tables = Nf4Tables.On(device);
    }

    public Device Device => _codes.device;

    /// <summary>Bytes in memory for so many weights.</summary>
    public static long BytesFor(long count)
    {
        var blocks = Blocks(count);
        var groups = (blocks + Nf4Codes.Group - 1) / Nf4Codes.Group;
        return blocks * (Nf4Codes.Block / 2) + groups * (Nf4Codes.Group + sizeof(float)) + sizeof(float);
    }

    /// <summary>Quantises a CPU tensor of any float dtype, in row-major order.</summary>
    public static Nf4Matrix Quantize(Tensor weight, Device device)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var flat = weight.contiguous().view(-1);
        var count = flat.NumberOfElements;
        var codes = empty([Blocks(count) * Nf4Codes.Block / 2], ScalarType.Byte);
        var scales = new float[Blocks(count)];
        for (long at = 0; at < count; at += Piece)
        {
            using var inner = NewDisposeScope();
            var length = Math.Min(Piece, count - at);
            var values = new float[length];
            MemoryMarshal.Cast<byte, float>(flat.narrow(0, at, length).to(ScalarType.Float32).bytes).CopyTo(values);
            var packed = new byte[Blocks(length) * Nf4Codes.Block / 2];
            Parallel.For(0, (int)Blocks(length), block =>
            {
                var first = block * Nf4Codes.Block;
                var own = values.AsSpan(first, (int)Math.Min(Nf4Codes.Block, length - first));
                scales[at / Nf4Codes.Block + block] = Nf4Codes.QuantizeBlock(own, packed.AsSpan(first / 2, Nf4Codes.Block / 2));
            });
            packed.CopyTo(codes.narrow(0, at / 2, packed.Length).bytes);
        }

        return new Nf4Matrix([.. weight.shape], codes, scales, device);
    }

    /// <summary>The weights of the matrix's shape, in the caller's dispose scope.</summary>
    public Tensor Dequantize(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var scales = _tables.Dynamic.index_select(0, _scales.to(ScalarType.Int32)).view(-1, Nf4Codes.Group) * _groupScales.unsqueeze(1) + _offset;
        var blocks = _codes.NumberOfElements / (Nf4Codes.Block / 2);
        var values = _tables.Pairs.index_select(0, _codes.to(ScalarType.Int32)).view(blocks, Nf4Codes.Block) * scales.view(-1).narrow(0, 0, blocks).unsqueeze(1);
        var count = _shape.Aggregate(1L, (a, b) => a * b);
        return values.view(-1).narrow(0, 0, count).view(_shape).to(type).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var part in new[] { _codes, _scales, _groupScales, _offset })
            part.Dispose();
    }

    private static long Blocks(long count) => (count + Nf4Codes.Block - 1) / Nf4Codes.Block;

    /// <summary>The scales less their mean, in 8 bits by groups: whole groups, the last filled up.</summary>
    private static (byte[] Codes, float[] Groups, float Offset) QuantizeScales(float[] scales)
    {
        var offset = (float)(scales.Sum(s => (double)s) / scales.Length);
        var groups = new float[(scales.Length + Nf4Codes.Group - 1) / Nf4Codes.Group];
        var codes = new byte[groups.Length * Nf4Codes.Group];
        for (var g = 0; g < groups.Length; g++)
        {
            var own = scales.AsSpan(g * Nf4Codes.Group, Math.Min(Nf4Codes.Group, scales.Length - g * Nf4Codes.Group));
            foreach (var scale in own)
                groups[g] = MathF.Max(groups[g], MathF.Abs(scale - offset));
            for (var i = 0; i < own.Length; i++)
                codes[g * Nf4Codes.Group + i] = Nf4Codes.NearestDynamic(groups[g] > 0 ? (own[i] - offset) / groups[g] : 0);
        }

        return (codes, groups, offset);
    }

    private static Tensor Kept(Tensor tensor, Device device) => tensor.to(tensor.dtype, device).DetachFromDisposeScope();
}
