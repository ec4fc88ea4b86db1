namespace FineTuneGrid.Models.Loading;

/// <summary>
/// The two code books of 4-bit NormalFloat with double quantisation (Dettmers et al. 2023, QLoRA), as bitsandbytes has them, and the
/// search for the nearest code.
/// </summary>
public static class Nf4Codes
{
    /// <summary>Weights that share a scale.</summary>
    public const int Block = 64;

    /// <summary>Scales that share a scale of their own.</summary>
    public const int Group = 256;

    private const int Exponents = 7;

    /// <summary>Quantiles of the normal distribution with a zero among them, brought to [-1, 1] (appendix E of the paper).</summary>
    public static readonly float[] Values =
    [
        -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,
        -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
        0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f,
    ];

    /// <summary>8-bit values with a dynamic exponent (Dettmers et al. 2022, 8-bit optimizers, section 1.3), ascending in [-1, 1].</summary>
    public static readonly float[] Dynamic = MakeDynamic();

    private static readonly float[] ValueLimits = Midpoints(Values);

    private static readonly float[] DynamicLimits = Midpoints(Dynamic);

    /// <summary>Codes of a whole block, two a byte with the first in the upper half, and its scale: the largest magnitude.</summary>
    public static float QuantizeBlock(ReadOnlySpan<float> values, Span<byte> packed)
    {
        var largest = 0f;
        foreach (var value in values)
            largest = MathF.Max(largest, MathF.Abs(value));
        var factor = largest > 0 ? 1 / largest : 0;
        for (var i = 0; i < packed.Length; i++)
        {
            var (first, second) = (2 * i < values.Length ? values[2 * i] : 0, 2 * i + 1 < values.Length ? values[2 * i + 1] : 0);
            packed[i] = (byte)(Nearest(ValueLimits, first * factor) << 4 | Nearest(ValueLimits, second * factor));
        }

        return largest;
    }

    public static byte NearestDynamic(float value) => (byte)Nearest(DynamicLimits, value);

    /// <summary>Both values of each byte: [256 * 2].</summary>
    public static float[] Pairs() => [.. Enumerable.Range(0, 256).SelectMany(b => new[] { Values[b >> 4], Values[b & 15] })];

    /// <summary>How many limits lie below the value.</summary>
    private static int Nearest(float[] limits, float value)
    {
        int low = 0, high = limits.Length;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (value > limits[middle])
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    private static float[] Midpoints(float[] values) => [.. values.Zip(values.Skip(1), (a, b) => (a + b) / 2)];

    /// <summary>For each power of ten from -6 to 0, the middles of 1, 2, 4 ... equal parts of [0.1, 1] of either sign; then 0 and 1.</summary>
    private static float[] MakeDynamic()
    {
        List<float> values = [0, 1];
        for (var e = 0; e < Exponents; e++)
        {
            var (parts, power) = (1 << e, (float)Math.Pow(10, e - Exponents + 1));
            for (var i = 0; i < parts; i++)
            {
                var middle = (float)(0.1 + 0.9 * (2 * i + 1) / (2.0 * parts));
                values.Add(power * middle);
                values.Add(-power * middle);
            }
        }

        return [.. values.Order()];
    }
}
