using FineTuneGrid.Bench.Links;
using FineTuneGrid.TrainerSupport.Links;

namespace FineTuneGrid.Bench.Overlap;

/// <summary>The two kinds of steps side by side.</summary>
/// <param name="Steps">In turns, one of each kind.</param>
internal sealed record OverlapSummary(LinkShape Link, LinkProbe Probe, int Tokens, IReadOnlyList<OverlapStep> Steps)
{
    /// <summary>Where the link is fast there is little to save; it must not cost anything then, beyond what steps differ by themselves.</summary>
    private const double MostOfAfter = 1.1;

    private double Beside => LinkedRun.Median(Steps.Where(s => s.Beside).Select(s => s.Ms));

    private double After => LinkedRun.Median(Steps.Where(s => !s.Beside).Select(s => s.Ms));

    /// <summary>The sum of two numbers has one rounding, whenever it is taken.</summary>
    private bool SameBits => Steps.Select(s => s.Sha256).Distinct().Count() == 1;

    public bool Ok => SameBits && Beside <= MostOfAfter * After;

    public object Line() => new
    {
        Bench = "overlap",
        Workers = 2,
        Link.RateMbit,
        Link.DelayMs,
        MeasuredRateMbit = Math.Round(Probe.RateMbit, 1),
        MeasuredRoundTripMs = Math.Round(Probe.RoundTripMs, 1),
        TrainedParameters = Steps[0].Parameters,
        TokensAWorker = Tokens,
        StepsOfEachKind = Steps.Count / 2,
        StepMsBeside = Math.Round(Beside),
        StepMsAfter = Math.Round(After),
        BesideOfAfter = Math.Round(Beside / After, 4),
        SameBits,
        Ok,
    };
}
