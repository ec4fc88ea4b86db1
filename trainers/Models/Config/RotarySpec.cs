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
        var stretched = Yarn is { } yarn ? yarn.OriginalContext * yarn.Factor
            : LongRope is { } longRope ? longRope.OriginalContext * longRope.Factor
            : tokens * (Dynamic?.Factor ?? LinearFactor);
        return (int)Math.Min(int.MaxValue, Math.Max(tokens, stretched));
    }

    /// <summary>A sequence that grows from one length to the other needs its earlier keys rotated anew.</summary>
    public bool Changes(int from, int to) => Dynamic is { } dynamic ? to > dynamic.OriginalContext && from != to
        : LongRope is { } longRope && from <= longRope.OriginalContext && to > longRope.OriginalContext;

    /// <summary>
    /// Reads <c>rope_theta</c> with <c>rope_scaling</c>, or the newer <c>rope_parameters</c> that holds both.
    /// </summary>
    /// <param name="config">Of the family.</param>
    /// <param name="headDim">Elements of a head.</param>
    /// <param name="context">What the family's <c>max_position_embeddings</c> is.</param>
    /// <param name="defaultTheta">Where the config has none.</param>
    /// <param name="partial">The part of each head that is rotated where the config does not say; null: the family rotates heads whole.</param>
    /// <param name="originalContext">Length before the stretching where the config does not say; null: the context.</param>
    public static RotarySpec Read(ModelConfig config, int headDim, int context, double defaultTheta = 10000, double? partial = null, int? originalContext = null)
    {
        var newer = config.Object("rope_parameters");
        config.Require(newer?.Has("full_attention") != true, "rope_parameters", "one set of them for all layers");
        var original = config.IntOrNull("original_max_position_embeddings") ?? originalContext;
        return Read(config.Object("rope_scaling") ?? newer, RotatedOf(config, newer, headDim, partial),
            newer?.NumberOrNull("rope_theta") ?? config.NumberOrNull("rope_theta"), defaultTheta, new(context, original));
    }

    /// <summary>Reads one set of parameters, for families that have several.</summary>
    internal static RotarySpec Read(ModelConfig? scaling, int dim, double? theta, double defaultTheta, RotaryContext context)
    {
        var spec = new RotarySpec(dim, theta ?? scaling?.NumberOrNull("rope_theta") ?? defaultTheta);
        if (spec.Theta <= 0)
            throw ModelConfig.Bad("rope_theta", $"must be above 0; it is {spec.Theta}");
        if (dim <= 0 || dim % 2 != 0)
            throw ModelConfig.Bad("head_dim", $"must give an even number of rotated elements; it gives {dim}");
        if (scaling is null)
            return spec;
        var type = scaling.First("rope_type", "type");
        switch (scaling.TextOrNull(type) ?? "default")
        {
            case "default":
                return spec;
            case "linear":
                return spec with { LinearFactor = Positive(scaling, "factor") };
            case "llama3":
                return spec with { Llama3 = Llama3Scaling.Read(scaling, context) };
            case "dynamic":
                return spec with { Dynamic = new(Positive(scaling, "factor"), context.Tokens) };
            // Early configs of Phi-3 call their factors by pair by this name too.
            case "yarn" when !scaling.Has("short_factor"):
                return spec with { Yarn = YarnScaling.Read(scaling, context) };
            case "longrope" or "su" or "yarn":
                return spec with { LongRope = LongRopeScaling.Read(scaling, context, dim) };
            default:
                scaling.Require(false, type, "the types default, linear, dynamic, llama3, yarn and longrope");
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

    /// <summary>How many elements of a head are rotated: an even number.</summary>
    private static int RotatedOf(ModelConfig config, ModelConfig? newer, int headDim, double? partial)
    {
        var name = config.First("rotary_pct", "partial_rotary_factor");
        var factor = config.NumberOrNull(name) ?? newer?.NumberOrNull("partial_rotary_factor") ?? partial ?? 1;
        config.Require(partial is not null || factor == 1, name, "heads that are rotated whole in this family (1)");
        var dim = (int)(headDim * factor);
        return partial is null || (factor is > 0 and <= 1 && dim > 0 && dim % 2 == 0)
            ? dim
            : throw config.Wrong(name, $"must rotate an even number of a head's {headDim} elements");
    }
}

/// <summary>Lengths that scalings refer to.</summary>
/// <param name="Tokens">What the config says that the model takes.</param>
/// <param name="Original">What it took before its context was stretched, where that stands outside the scaling's own parameters.</param>
internal sealed record RotaryContext(int Tokens, int? Original)
{
    internal int OriginalOf(ModelConfig scaling) => Original ?? scaling.IntOrNull("original_max_position_embeddings") ?? Tokens;
}
