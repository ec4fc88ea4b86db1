namespace FineTuneGrid.Models.Generation;

/// <summary>How to continue a prompt.</summary>
public sealed record GenerationOptions
{
    public int MaxNewTokens { get; init; } = 256;

    /// <summary>0: the likeliest token at each step, the lowest id among equals.</summary>
    public double Temperature { get; init; }

    /// <summary>Sample from the smallest set of tokens with at least this probability (Holtzman et al. 2020).</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Draws depend on the seed, the prompt's index and the step alone.</summary>
    public long Seed { get; init; }

    /// <summary>Ids that end a sequence; the id itself is not returned.</summary>
    public IReadOnlyCollection<int> StopTokens { get; init; } = [];
}

/// <summary>One continuation.</summary>
/// <param name="Tokens">New ids, without the stop token.</param>
/// <param name="LogProbs">Log-probability of each under the model, untempered.</param>
/// <param name="Stopped">A stop token ended it; false: the limit did.</param>
public sealed record Continuation(IReadOnlyList<int> Tokens, IReadOnlyList<float> LogProbs, bool Stopped);
