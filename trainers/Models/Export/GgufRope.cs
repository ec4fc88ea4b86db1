using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;

namespace FineTuneGrid.Models.Export;

/// <summary>How positions are rotated, in llama.cpp's keys; where each pair has a factor of its own, as tensors.</summary>
internal static class GgufRope
{
    /// <summary>Tensors that belong to no published parameter: divisors of the frequencies, fp32 [dim / 2].</summary>
    public static IReadOnlyList<(string Name, float[] Values)> Factors(RotarySpec? rotary) => rotary switch
    {
        { Llama3: { } scaling } => [("rope_freqs.weight", Divisors(rotary, scaling))],
        { LongRope: { } scaling } => [("rope_factors_long.weight", Floats(scaling.Long)), ("rope_factors_short.weight", Floats(scaling.Short))],
        _ => [],
    };

    public static void Write(GgufMetadata metadata, RotarySpec? rotary)
    {
        if (rotary is null)
            return;
        metadata.Own("rope.dimension_count", (long)rotary.Dim);
        metadata.Own("rope.freq_base", rotary.Theta);
        if (rotary.LinearFactor != 1)
        {
            metadata.Own("rope.scaling.type", "linear");
            metadata.Own("rope.scaling.factor", rotary.LinearFactor);
        }
        else if (rotary.Yarn is { } yarn)
        {
            metadata.Own("rope.scaling.type", "yarn");
            metadata.Own("rope.scaling.factor", yarn.Factor);
            metadata.Own("rope.scaling.original_context_length", (long)yarn.OriginalContext);
        }
        else if (rotary.LongRope is { } longRope)
        {
            metadata.Own("rope.scaling.original_context_length", (long)longRope.OriginalContext);
            metadata.Own("rope.scaling.attn_factor", longRope.AttentionFactor);
        }
    }

    /// <summary>Why llama.cpp would rotate otherwise; null where it would not.</summary>
    public static string? Refusal(Architecture architecture, RotarySpec? rotary) => rotary?.Yarn is { } yarn
        && (yarn.BetaFast != 32 || yarn.BetaSlow != 1 || !yarn.Truncate || Math.Abs(yarn.AttentionFactor - (0.1 * Math.Log(yarn.Factor) + 1)) > 1e-6)
        ? "its YaRN scaling has other constants (beta_fast 32, beta_slow 1, attention_factor 0.1 ln(factor) + 1) than llama.cpp computes with"
        : rotary?.LongRope is not null && architecture.Config.ModelType != "phi3" ? "llama.cpp has scaling of type 'longrope' for phi3 only"
        : null;

    private static float[] Divisors(RotarySpec rotary, Llama3Scaling scaling)
    {
        var plain = (rotary with { Llama3 = null }).InverseFrequencies();
        return [.. plain.Select(f => (float)(f / scaling.Apply(f)))];
    }

    private static float[] Floats(IReadOnlyList<double> values) => [.. values.Select(v => (float)v)];
}
