using System.Text.Json;

namespace FineTuneGrid.Models.Config;

/// <summary>
/// Llama 3.1's scaling: long wavelengths are slowed by the factor, short ones left alone, those between interpolated.
/// </summary>
public sealed record Llama3Scaling(double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalContext)
{
    internal static Llama3Scaling Read(ModelConfig config, RotaryContext context)
    {
        var scaling = new Llama3Scaling(
            RotarySpec.Positive(config, "factor"),
            RotarySpec.Positive(config, "low_freq_factor"),
            RotarySpec.Positive(config, "high_freq_factor"),
            context.OriginalOf(config));
        return scaling.HighFrequencyFactor > scaling.LowFrequencyFactor
            ? scaling
            : throw config.Wrong("high_freq_factor", "must be above low_freq_factor");
    }

    internal double Apply(double frequency)
    {
        var wavelength = 2 * Math.PI / frequency;
        if (wavelength < OriginalContext / HighFrequencyFactor)
            return frequency;
        if (wavelength > OriginalContext / LowFrequencyFactor)
            return frequency / Factor;
        var smooth = (OriginalContext / wavelength - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor);
        return (1 - smooth) * frequency / Factor + smooth * frequency;
    }
}

/// <summary>NTK-aware scaling: a sequence beyond the original context has a larger base, by its own length.</summary>
public sealed record DynamicScaling(double Factor, int OriginalContext)
{
    internal double Theta(RotarySpec spec, int length)
    {
        double tokens = Math.Max(length, OriginalContext);
        return spec.Theta * Math.Pow(Factor * tokens / OriginalContext - (Factor - 1), spec.Dim / (spec.Dim - 2.0));
    }
}

/// <summary>YaRN (Peng et al. 2023): fast pairs keep their frequency, slow ones are interpolated, a ramp lies between.</summary>
/// <param name="Factor">How much longer the context became.</param>
/// <param name="BetaFast">Pairs that turn more often than this in the original context are fast.</param>
/// <param name="BetaSlow">Pairs that turn less often than this are slow.</param>
/// <param name="OriginalContext">Tokens.</param>
/// <param name="AttentionFactor">Factor of the cosines and sines.</param>
/// <param name="Truncate">The ramp begins and ends at whole pairs.</param>
public sealed record YarnScaling(double Factor, double BetaFast, double BetaSlow, int OriginalContext, double AttentionFactor, bool Truncate)
{
    internal static YarnScaling Read(ModelConfig scaling, RotaryContext context)
    {
        var original = context.OriginalOf(scaling);
        var factor = RotarySpec.Positive(scaling, "factor");
        double? mscale = scaling.NumberOrNull("mscale"), all = scaling.NumberOrNull("mscale_all_dim");
        var attention = scaling.NumberOrNull("attention_factor")
            ?? (mscale is > 0 && all is > 0 ? Softening(factor, mscale.Value) / Softening(factor, all.Value) : Softening(factor, 1));
        return new(factor, scaling.Number("beta_fast", 32), scaling.Number("beta_slow", 1), original, attention, scaling.Flag("truncate", true));
    }

    internal double Apply(double frequency, int pair, RotarySpec spec)
    {
        double low = PairThatTurns(BetaFast, spec), high = PairThatTurns(BetaSlow, spec);
        if (Truncate)
            (low, high) = (Math.Floor(low), Math.Ceiling(high));
        (low, high) = (Math.Max(low, 0), Math.Min(high, spec.Dim - 1));
        if (low == high)
            high += 0.001;
        var slow = Math.Clamp((pair - low) / (high - low), 0, 1);
        return frequency / Factor * slow + frequency * (1 - slow);
    }

    private static double Softening(double factor, double by) => factor <= 1 ? 1 : 0.1 * by * Math.Log(factor) + 1;

    private double PairThatTurns(double times, RotarySpec spec) =>
        spec.Dim * Math.Log(OriginalContext / (times * 2 * Math.PI)) / (2 * Math.Log(spec.Theta));
}

/// <summary>LongRoPE (Ding et al. 2024): each pair has a factor of its own, one for short and one for long sequences.</summary>
/// <param name="Short">Divisor of each frequency in sequences of at most <paramref name="OriginalContext"/> tokens.</param>
/// <param name="Long">The same in longer ones.</param>
/// <param name="OriginalContext">Tokens.</param>
/// <param name="Factor">How much longer the context became.</param>
/// <param name="AttentionFactor">Factor of the cosines and sines.</param>
public sealed record LongRopeScaling(IReadOnlyList<double> Short, IReadOnlyList<double> Long, int OriginalContext, double Factor, double AttentionFactor)
{
    internal static LongRopeScaling Read(ModelConfig scaling, RotaryContext context, int dim)
    {
        var original = context.OriginalOf(scaling);
        var ratio = (double)context.Tokens / original;
        var factor = context.Original is null ? scaling.Number("factor", ratio) : ratio;
        var attention = scaling.NumberOrNull("attention_factor")
            ?? (factor <= 1 ? 1 : Math.Sqrt(1 + Math.Log(factor) / Math.Log(original)));
        return new(Factors(scaling, "short_factor", dim / 2), Factors(scaling, "long_factor", dim / 2), original, factor, attention);
    }

    internal double Apply(double frequency, int pair, int length) => frequency / (length > OriginalContext ? Long : Short)[pair];

    private static double[] Factors(ModelConfig scaling, string name, int count)
    {
        if (!scaling.Has(name) || scaling.Json.GetProperty(name) is not { ValueKind: JsonValueKind.Array } list || list.GetArrayLength() != count
            || !list.EnumerateArray().All(e => e.ValueKind == JsonValueKind.Number && e.GetDouble() > 0))
            throw scaling.Wrong(name, $"must be a list of {count} numbers above 0");
        return [.. list.EnumerateArray().Select(e => e.GetDouble())];
    }
}
