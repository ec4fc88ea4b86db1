namespace FineTuneGrid.Models.Layers;

/// <summary>Sums over pairs of what preference optimisation is watched by. A reward is beta times how much likelier a sequence became, in nats.</summary>
/// <param name="ChosenRewards">Of the chosen sequences.</param>
/// <param name="RejectedRewards">Of the rejected ones.</param>
/// <param name="Accurate">Pairs whose chosen sequence has the higher reward.</param>
/// <param name="ChosenLogps">Log-probabilities of the chosen sequences' labels, in nats.</param>
/// <param name="RejectedLogps">The same of the rejected ones.</param>
public readonly record struct PairSums(double ChosenRewards, double RejectedRewards, double Accurate, double ChosenLogps, double RejectedLogps)
{
    public static PairSums operator +(PairSums a, PairSums b) => new(a.ChosenRewards + b.ChosenRewards, a.RejectedRewards + b.RejectedRewards,
        a.Accurate + b.Accurate, a.ChosenLogps + b.ChosenLogps, a.RejectedLogps + b.RejectedLogps);
}
