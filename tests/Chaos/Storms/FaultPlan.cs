namespace FineTuneGrid.Chaos;

/// <summary>What is done to the cluster.</summary>
internal enum FaultKind
{
    KillControl,
    KillAgent,
    KillTrainer,
    KillNode,
    KillEverything,
    PauseControl,
    PauseAgent,
    PauseTrainer,
    PauseStore,
    CrashStore,
    KillRedis,
    CutLink,
    FillNodeDisk,
    FillControlDisk,
}

/// <param name="After">Time since the fault before.</param>
/// <param name="Node">Index of the node that it hits, and, modulo their number, of the silo.</param>
/// <param name="For">How long a pause, a cut or a full disk lasts; of no meaning for kills.</param>
internal sealed record Fault(TimeSpan After, FaultKind Kind, int Node, TimeSpan For);

/// <summary>An endless schedule of faults: a function of the seed alone.</summary>
internal static class FaultPlan
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(7);

    /// <summary>Pauses end before the lease does, about as it does, and well after.</summary>
    private static readonly double[] PausesInLeases = [0.2, 0.5, 0.9, 1.0, 1.1, 1.6, 2.5];

    /// <summary>How often each kind is drawn, of the sum.</summary>
    private static readonly (FaultKind Kind, int Weight)[] Kinds =
    [
        (FaultKind.KillTrainer, 5), (FaultKind.KillAgent, 4), (FaultKind.KillNode, 3), (FaultKind.KillControl, 3), (FaultKind.KillEverything, 1),
        (FaultKind.PauseTrainer, 3), (FaultKind.PauseAgent, 2), (FaultKind.PauseControl, 1), (FaultKind.PauseStore, 1), (FaultKind.CrashStore, 2),
        (FaultKind.KillRedis, 2), (FaultKind.CutLink, 2), (FaultKind.FillNodeDisk, 2), (FaultKind.FillControlDisk, 1),
    ];

    public static IEnumerable<Fault> Of(int seed, ClusterShape shape)
    {
        var kinds = Kinds.Where(k => IsPossible(k.Kind, shape)).ToArray();
        var random = new Random(seed);
        while (true)
        {
            var after = Shortest + (Longest - Shortest) * random.NextDouble();
            yield return new Fault(after, Draw(kinds, random), random.Next(shape.Nodes), shape.Lease * PausesInLeases[random.Next(PausesInLeases.Length)]);
        }
    }

    private static bool IsPossible(FaultKind kind, ClusterShape shape) => kind switch
    {
        FaultKind.KillRedis => shape.Silos > 1,
        FaultKind.CutLink => shape.HasLinks,
        FaultKind.FillNodeDisk or FaultKind.FillControlDisk => shape.SmallDisks,
        _ => true,
    };

    private static FaultKind Draw((FaultKind Kind, int Weight)[] kinds, Random random)
    {
        var at = random.Next(kinds.Sum(k => k.Weight));
        foreach (var (kind, weight) in kinds)
        {
            if (at < weight) return kind;
            at -= weight;
        }
        throw new InvalidOperationException("the weights do not add up");
    }
}
