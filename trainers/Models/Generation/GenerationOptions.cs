namespace FineTuneGrid.Models.Generation;

/// <summary>How to continue a prompt.</summary>
public sealed record GenerationOptions
{
    public int MaxNewTokens { get; init; } = 256;

    /// <summary>0: the likeliest token at each step, the lowest id among equals.</summary>
    public double Temperature { get; init; }

    /// <summary>Sample from the likeliest so many tokens; 0: from all.</summary>
    public int TopK { get; init; }

    /// <summary>Sample from the smallest set of tokens with at least this probability (Holtzman et al. 2020), of those that top-k leaves.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Draws depend on the seed, the sequence's index and the step alone.</summary>
    public long Seed { get; init; }

    /// <summary>Ids that end a sequence; the id itself is not returned as a token.</summary>
    public IReadOnlyCollection<int> StopTokens { get; init; } = [];

    /// <summary>Told each new token: whether it is to be the last.</summary>
    public Func<ScoredToken, bool>? StopAfter { get; init; }

    /// <summary>How many of the likeliest alternatives to note for each token.</summary>
    public int Alternatives { get; init; }
}

/// <summary>One continuation.</summary>
/// <param name="Tokens">New ids, without the stop token.</param>
/// <param name="LogProbs">Log-probability of each under the model, untempered.</param>
/// <param name="Stopped">A stop token or <see cref="GenerationOptions.StopAfter"/> ended it; false: the limit did.</param>
public sealed record Continuation(IReadOnlyList<int> Tokens, IReadOnlyList<float> LogProbs, bool Stopped)
{
    /// <summary>The stop token that ended it, if one did.</summary>
    public ScoredToken? End { get; init; }

    /// <summary>Each token with the likeliest ones in its place, where they were asked for.</summary>
    public IReadOnlyList<ScoredToken> Scored { get; init; } = [];
}

/// <summary>A token with its log-probability under the model, untempered, and the likeliest ones in its place, in falling order.</summary>
public sealed record ScoredToken(int Id, float LogProb, IReadOnlyList<(int Id, float LogProb)> Likeliest);
