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

    public DynamicScaling? Dynamic { get; init; }

    public YarnScaling? Yarn { get; init; }

    public LongRopeScaling? LongRope { get; init; }

    /// <summary>Elements 2i and 2i + 1 are a pair; otherwise i and i + Dim / 2.</summary>
    public bool Interleaved { get; init; }

    /// <summary>Factor of the cosines and sines, and so twice of the scores.</summary>
    public double AttentionFactor => Yarn?.AttentionFactor ?? LongRope?.AttentionFactor ?? 1;

    /// <summary>A sequence's frequencies depend on how long it is.</summary>
    public bool DependsOnLength => Dynamic is not null || LongRope is not null;

    /// <summary>
    /// The longest sequence of a model whose config says <paramref name="tokens"/>: with these scalings published configs keep the length
    /// from before.
    /// </summary>
    public int Stretch(int tokens)
    {
        var stretched = Yarn is { } yarn ? yarn.OriginalContext * yarn.Factor : tokens * (Dynamic?.Factor ?? LinearFactor);
        return (int)Math.Min(int.MaxValue, Math.Max(tokens, stretched));
    }

    /// <summary>A sequence that grows from one length to the other needs its earlier keys rotated anew.</summary>
    public bool Changes(int from, int to) => Dynamic is { } dynamic ? to > dynamic.OriginalContext && from != to
        : LongRope is { } longRope && from <= longRope.OriginalContext && to > longRope.OriginalContext;

    /// <summary>
    /// Reads <c>rope_theta</c> with <c>rope_scaling</c>, or the newer <c>rope_parameters</c> that holds both.
    /// </summary>
    public static RotarySpec Read(ModelConfig config, int dim, double defaultTheta = 10000) =>
        Read(config, config.Object("rope_scaling") ?? config.Object("rope_parameters"), dim, config.NumberOrNull("rope_theta"), defaultTheta);

    /// <summary>Reads one set of parameters, for families that have several.</summary>
    internal static RotarySpec Read(ModelConfig config, ModelConfig? scaling, int dim, double? theta, double defaultTheta)
    {
        var spec = new RotarySpec(dim, theta ?? scaling?.NumberOrNull("rope_theta") ?? defaultTheta);
        if (spec.Theta <= 0)
            throw config.Wrong("rope_theta", "must be above 0");
        if (dim <= 0 || dim % 2 != 0)
            throw config.Wrong("head_dim", "must give an even number of rotated elements");
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
            case "dynamic":
                return spec with { Dynamic = DynamicScaling.Read(config, scaling) };
            case "yarn":
                return spec with { Yarn = YarnScaling.Read(config, scaling) };
            case "longrope" or "su":
                return spec with { LongRope = LongRopeScaling.Read(config, scaling, dim) };
            default:
                config.Require(false, config.Has("rope_scaling") ? "rope_scaling" : "rope_parameters",
                    "rope types default, linear, dynamic, llama3, yarn and longrope");
                return spec;
        }
    }

    /// <summary>Angle per position of each pair, [Dim / 2], in a sequence of <paramref name="length"/> tokens.</summary>
    public float[] InverseFrequencies(int length = 0)
    {
        var theta = Dynamic?.Theta(this, length) ?? Theta;
        var result = new float[Dim / 2];
        for (var i = 0; i < result.Length; i++)
        {
            var frequency = Math.Pow(theta, -2.0 * i / Dim) / LinearFactor;
            result[i] = (float)(Llama3?.Apply(frequency) ?? Yarn?.Apply(frequency, i, this) ?? LongRope?.Apply(frequency, i, length) ?? frequency);
        }

        return result;
    }

    internal static double Positive(ModelConfig config, string name)
    {
        var value = config.Number(name);
        return value > 0 ? value : throw config.Wrong(name, "must be above 0");
    }
}
