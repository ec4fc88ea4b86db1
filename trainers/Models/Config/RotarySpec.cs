namespace FineTuneGrid.Models.Config;

/// <summary>
/// Rotary position embedding (Su et al. 2021) over the first <paramref name="Dim"/> elements of a head, with the frequency
/// scaling of long-context variants.
/// </summary>
/// <param name="Dim">Rotated elements of each head; even.</param>
/// <param name="Theta">Base of the frequencies.</param>
public sealed record RotarySpec(int Dim, double Theta)
{
    /// <summary>Positions are divided by this (position interpolation).</summary>
    public double LinearFactor { get; init; } = 1;

    public Llama3Scaling? Llama3 { get; init; }

    /// <summary>
    /// Reads <c>rope_theta</c> with <c>rope_scaling</c>, or the newer <c>rope_parameters</c> that holds both.
    /// </summary>
    public static RotarySpec Read(ModelConfig config, int dim, double defaultTheta = 10000)
    {
        var scaling = config.Object("rope_scaling") ?? config.Object("rope_parameters");
        var theta = config.NumberOrNull("rope_theta") ?? scaling?.NumberOrNull("rope_theta") ?? defaultTheta;
        if (theta <= 0)
            throw config.Wrong("rope_theta", "must be above 0");
        if (dim <= 0 || dim % 2 != 0)
            throw config.Wrong("head_dim", "must give an even number of rotated elements");
        var spec = new RotarySpec(dim, theta);
        if (scaling is null)
            return spec;
        switch (scaling.TextOrNull("rope_type") ?? scaling.TextOrNull("type") ?? "default")
        {
            case "default":
                return spec;
            case "linear":
                return spec with { LinearFactor = Positive(scaling, "factor") };
            case "llama3":
                return spec with { Llama3 = Llama3Scaling.Read(scaling) };
            default:
                config.Require(false, config.Has("rope_scaling") ? "rope_scaling" : "rope_parameters", "rope types default, linear and llama3");
                return spec;
        }
    }

    /// <summary>Angle per position of each pair, [Dim / 2].</summary>
    public float[] InverseFrequencies()
    {
        var result = new float[Dim / 2];
        for (var i = 0; i < result.Length; i++)
        {
            var frequency = Math.Pow(Theta, -2.0 * i / Dim) / LinearFactor;
            result[i] = (float)(Llama3?.Apply(frequency) ?? frequency);
        }

        return result;
    }

    internal static double Positive(ModelConfig config, string name)
    {
        var value = config.Number(name);
        return value > 0 ? value : throw config.Wrong(name, "must be above 0");
    }
}

/// <summary>
/// Llama 3.1's scaling: long wavelengths are slowed by the factor, short ones left alone, those between interpolated.
/// </summary>
public sealed record Llama3Scaling(double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalContext)
{
    internal static Llama3Scaling Read(ModelConfig config)
    {
        var scaling = new Llama3Scaling(
            RotarySpec.Positive(config, "factor"),
            RotarySpec.Positive(config, "low_freq_factor"),
            RotarySpec.Positive(config, "high_freq_factor"),
            config.Int("original_max_position_embeddings"));
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
