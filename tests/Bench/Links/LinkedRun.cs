using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Bench.Links;

/// <summary>One run of a job, and what went over the link for it, from the workers' first connection to the end.</summary>
internal sealed record LinkedRun(Way Way, int Seed, IReadOnlyList<StepMetrics> Steps, JobResult Result, long SentBytes, int Window)
{
    /// <summary>Steps and windows before this are not counted: the programs are still warming up.</summary>
    private const int WarmWindows = 1;

    public long Tokens => Steps.Sum(s => s.Tokens);

    public double BytesPerToken => (double)SentBytes / Tokens;

    /// <summary>
    /// Median over windows of so many steps as lie between two meetings, each with its meeting: what other programs do to the machine
    /// for a moment is not in it, what each meeting costs is.
    /// </summary>
    public double TokensPerSecond
    {
        get
        {
            var speeds = Steps.Chunk(Window).Where(w => w.Length == Window).Skip(WarmWindows).Select(w => w.Sum(s => s.Tokens) / w.Sum(s => s.Seconds)).ToList();
            return Median(speeds);
        }
    }

    /// <summary>Over the whole run.</summary>
    public double MeanTokensPerSecond => Tokens / Steps.Sum(s => s.Seconds);

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    public object Line() => new
    {
        Bench = "links",
        Run = Way.Mode,
        Way.Link,
        Seed,
        Steps = Steps.Count,
        StepMsP50 = Math.Round(Median(Steps.Select(s => s.Seconds * 1000)), 2),
        TokensPerSecond = Math.Round(TokensPerSecond),
        MeanTokensPerSecond = Math.Round(MeanTokensPerSecond),
        BytesPerToken = Math.Round(BytesPerToken, 3),
        HeldOutLoss = Result.ValidLoss,
        Result.WeightsSha256,
    };
}
