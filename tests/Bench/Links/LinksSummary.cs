using FineTuneGrid.TrainerSupport.Links;

namespace FineTuneGrid.Bench.Links;

/// <summary>The figures that low-bandwidth mode promises, of all runs.</summary>
internal sealed class LinksSummary(LinksPlan plan, LinkProbe probe, IReadOnlyList<LinkedRun> runs)
{
    /// <summary>Of the speed over the fast link.</summary>
    private const double LeastSpeed = 0.9;

    /// <summary>Of the bytes of an fp32 all-reduce at every step.</summary>
    private const double MostBytes = 0.01;

    private const double RelativeLoss = 0.01;
    private const double AbsoluteLoss = 0.01;
    private const int Workers = 2;

    private long Parameters => runs[0].Result.TrainableParameters;

    /// <summary>Of each seed's two runs; their median.</summary>
    private double Speed => LinkedRun.Median(Seeds().Select(s => Of(Way.Low, Way.Slow, s).TokensPerSecond / Of(Way.Low, Way.Fast, s).TokensPerSecond));

    /// <summary>A ring all-reduce sends 2 (n - 1) / n of the fp32 gradient from each of n workers; without headers.</summary>
    private double AllReducePayload => Workers * (2.0 * (Workers - 1) / Workers) * 4 * Parameters * plan.Steps / runs[0].Tokens;

    /// <summary>What the link itself counted for it, as for low-bandwidth mode: connections, headers and acknowledgements too.</summary>
    private double AllReduceBytes => Of(Way.Synchronous, Way.Slow)[0].BytesPerToken;

    private double LowBytes => LinkedRun.Median(Of(Way.Low, Way.Slow).Select(r => r.BytesPerToken));

    /// <summary>In units of what is allowed: 1% of the synchronous loss, or 0.01 nats where that is more.</summary>
    private double Loss => LinkedRun.Median(Seeds().Select(s => Difference(s) / Math.Max(RelativeLoss * Synchronous(s), AbsoluteLoss)));

    /// <summary>How long a byte is under way must not be seen in the result.</summary>
    private bool SameBits => Seeds().All(s => Of(Way.Low, Way.Slow, s).Result.WeightsSha256 == Of(Way.Low, Way.Fast, s).Result.WeightsSha256);

    public bool Ok => Speed >= LeastSpeed && LowBytes / AllReduceBytes <= MostBytes && Loss <= 1 && SameBits;

    public object Line() => new
    {
        Bench = "links",
        plan.Model,
        TrainedParameters = Parameters,
        Workers,
        plan.Link.RateMbit,
        plan.Link.DelayMs,
        MeasuredRateMbit = Math.Round(probe.RateMbit, 1),
        MeasuredRoundTripMs = Math.Round(probe.RoundTripMs, 1),
        plan.LocalSteps,
        plan.Steps,
        plan.Seeds,
        TokensPerSecondThrottled = Rounded(Of(Way.Low, Way.Slow), r => r.TokensPerSecond),
        TokensPerSecondUnthrottled = Rounded(Of(Way.Low, Way.Fast), r => r.TokensPerSecond),
        ThrottledOfUnthrottled = Math.Round(Speed, 4),
        MeanThrottledOfUnthrottled = Math.Round(LinkedRun.Median(Seeds().Select(s => Of(Way.Low, Way.Slow, s).MeanTokensPerSecond / Of(Way.Low, Way.Fast, s).MeanTokensPerSecond)), 4),
        SynchronousTokensPerSecondThrottled = Rounded(Of(Way.Synchronous, Way.Slow), r => r.TokensPerSecond),
        SynchronousTokensPerSecondUnthrottled = Rounded(Of(Way.Synchronous, Way.Fast), r => r.TokensPerSecond),
        BytesPerToken = Math.Round(LowBytes, 4),
        AllReduceBytesPerTokenCounted = Math.Round(AllReducePayload, 2),
        AllReduceBytesPerTokenMeasured = Math.Round(AllReduceBytes, 2),
        BytesOfAllReduce = Math.Round(LowBytes / AllReduceBytes, 6),
        BytesOfAllReduceCounted = Math.Round(LowBytes / AllReducePayload, 6),
        HeldOutLoss = Seeds().Select(s => Of(Way.Low, Way.Slow, s).Result.ValidLoss),
        SynchronousHeldOutLoss = Seeds().Select(s => Synchronous(s)),
        HeldOutLossDifferenceMedian = Math.Round(LinkedRun.Median(Seeds().Select(Difference)), 5),
        HeldOutLossOfAllowed = Math.Round(Loss, 4),
        SameBits,
        Ok,
    };

    private static double Rounded(IEnumerable<LinkedRun> of, Func<LinkedRun, double> value) => Math.Round(LinkedRun.Median(of.Select(value)));

    private IEnumerable<int> Seeds() => Enumerable.Range(1, plan.Seeds);

    private List<LinkedRun> Of(string mode, string link) => [.. runs.Where(r => r.Way.Mode == mode && r.Way.Link == link)];

    private LinkedRun Of(string mode, string link, int seed) => Of(mode, link).Single(r => r.Seed == seed);

    private double Synchronous(int seed) => Of(Way.Synchronous, Way.Fast, seed).Result.ValidLoss!.Value;

    private double Difference(int seed) => Of(Way.Low, Way.Slow, seed).Result.ValidLoss!.Value - Synchronous(seed);
}
