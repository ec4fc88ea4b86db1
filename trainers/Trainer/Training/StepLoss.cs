using System.Text.Json.Serialization;
using FineTuneGrid.Models;
using FineTuneGrid.Models.Layers;

namespace FineTuneGrid.Trainer.Training;

/// <summary>What the losses of micro-batches add up to.</summary>
/// <param name="Sum">Nats.</param>
/// <param name="Count">What the mean is over: supervised tokens, or pairs. Checkpoints have it by its older name.</param>
public sealed record StepLoss(double Sum, [property: JsonPropertyName("tokens")] long Count)
{
    /// <summary>Of <see cref="ToNumbers"/>.</summary>
    internal const int Width = 8;

    /// <summary>Tokens whose log-probability counts.</summary>
    [JsonIgnore]
    public long SupervisedTokens { get; init; }

    [JsonIgnore]
    public PairSums Pairs { get; init; }

    internal static StepLoss Nothing { get; } = new(0, 0);

    internal static StepLoss Of(LossResult loss) => new(loss.Sum, loss.Count) { SupervisedTokens = loss.SupervisedTokens, Pairs = loss.Pairs };

    internal StepLoss Plus(StepLoss other) => new(Sum + other.Sum, Count + other.Count) { SupervisedTokens = SupervisedTokens + other.SupervisedTokens, Pairs = Pairs + other.Pairs };

    /// <summary>The same for the other workers of a gang; counts are exact in a double.</summary>
    internal double[] ToNumbers() =>
        [Sum, Count, SupervisedTokens, Pairs.ChosenRewards, Pairs.RejectedRewards, Pairs.Accurate, Pairs.ChosenLogps, Pairs.RejectedLogps];

    internal static StepLoss FromNumbers(ReadOnlySpan<double> numbers) => new(numbers[0], (long)numbers[1])
    {
        SupervisedTokens = (long)numbers[2],
        Pairs = new PairSums(numbers[3], numbers[4], numbers[5], numbers[6], numbers[7]),
    };
}
