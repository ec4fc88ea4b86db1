using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Numerics;

/// <summary>Reductions whose order of additions is part of the definition, so that thread counts cannot change a bit.</summary>
public static class FixedOrder
{
    private const int Lanes = 8;
    private const int Piece = 1 << 20;

    /// <summary>2-norm of a flat fp32 tensor, summed in fp64: element i goes to lane i mod 8 of its piece of 2^20 elements.</summary>
    public static double Norm(Tensor flat)
    {
        using var scope = NewDisposeScope();
        var count = flat.NumberOfElements;
        double total = 0;
        for (long at = 0; at < count; at += Piece)
        {
            var part = flat.narrow(0, at, Math.Min(Piece, count - at)).cpu();
            total += SumOfSquares(MemoryMarshal.Cast<byte, float>(part.bytes));
        }

        return Math.Sqrt(total);
    }

    private static double SumOfSquares(ReadOnlySpan<float> values)
    {
        Span<double> lanes = stackalloc double[Lanes];
        lanes.Clear();
        var i = 0;
        for (; i + Lanes <= values.Length; i += Lanes)
        {
            for (var l = 0; l < Lanes; l++)
            {
                double v = values[i + l];
                lanes[l] += v * v;
            }
        }

        for (var l = 0; i < values.Length; i++, l++)
        {
            double v = values[i];
            lanes[l] += v * v;
        }

        double sum = 0;
        foreach (var lane in lanes)
            sum += lane;
        return sum;
    }
}
