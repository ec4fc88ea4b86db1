using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>
/// Attention with linear biases (Press et al. 2022): head h adds slope[h] times the key's position to its scores. Counting from the
/// sequence's start instead of back from the query shifts a whole row of scores, which no softmax sees.
/// </summary>
public sealed class Alibi
{
    private readonly float[] _slopes;
    private readonly bool _rounded;
    private readonly double _scale;

    private Alibi(double[] slopes, bool rounded, double scale)
    {
        _slopes = [.. slopes.Select(s => (float)s)];
        _rounded = rounded;
        _scale = scale;
    }

    /// <summary>
    /// 2^(-8 i / n) for i = 1 .. n where n is a power of two; other head counts take those of the power below, then every other
    /// one of twice that power.
    /// </summary>
    /// <param name="heads">Number of query heads.</param>
    /// <param name="rounded">Slopes and biases are bf16 numbers, as Falcon computes them.</param>
    /// <param name="scale">Factor of the biases.</param>
    public static Alibi Standard(int heads, bool rounded = false, double scale = 1)
    {
        var below = 1 << (int)Math.Floor(Math.Log2(heads));
        var slopes = Powers(below, 8);
        return new([.. slopes, .. Powers(2 * below, 8).Where((_, i) => i % 2 == 0).Take(heads - below)], rounded, scale);
    }

    /// <summary>MPT's order where the head count n is no power of two: of the next power's slopes every second from the second on, then the others.</summary>
    public static Alibi Mpt(int heads, double most = 8)
    {
        var above = 1 << (int)Math.Ceiling(Math.Log2(heads));
        var slopes = Powers(above, most);
        return new(above == heads ? slopes : [.. slopes.Where((_, i) => i % 2 == 1).Concat(slopes.Where((_, i) => i % 2 == 0)).Take(heads)], false, 1);
    }

    /// <summary>fp32 [kv heads, heads / kv heads, 1, columns].</summary>
    internal Tensor Bias(long columns, long keyValueHeads, Device device)
    {
        var slopes = tensor(_slopes).to(device);
        var keys = arange(columns, device: device).to(ScalarType.Float32);
        if (_rounded)
            (slopes, keys) = (Round(slopes), Round(keys));
        var bias = slopes.outer(keys);
        if (_rounded)
            bias = Round(bias);
        return (bias * _scale).view(keyValueHeads, _slopes.Length / keyValueHeads, 1, columns);
    }

    private static double[] Powers(int heads, double most) => [.. Enumerable.Range(1, heads).Select(i => Math.Pow(2, -most * i / heads))];

    private static Tensor Round(Tensor x) => x.to(ScalarType.BFloat16).to(ScalarType.Float32);
}
