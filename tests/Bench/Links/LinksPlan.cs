using FineTuneGrid.TrainerSupport.Links;

namespace FineTuneGrid.Bench.Links;

/// <param name="Model">See <see cref="LinksJob"/>.</param>
/// <param name="LocalSteps">Between two meetings in low-bandwidth mode.</param>
/// <param name="Steps">Of each whole run.</param>
internal sealed record LinksPlan(string Model, LinkShape Link, int LocalSteps, int Steps, int Seeds, int BatchTokens)
{
    /// <summary>Times that a run must hold as many steps as lie between two meetings, for a median of them.</summary>
    public const int LeastWindows = 3;
}

/// <summary>How the two workers of a run meet.</summary>
/// <param name="LocalSteps">Null: at every step, by an fp32 all-reduce.</param>
internal sealed record Way(string Mode, string Link, int? LocalSteps, int Steps)
{
    public const string Low = "low_bandwidth";
    public const string Synchronous = "synchronous";
    public const string Slow = "slow";
    public const string Fast = "fast";

    public bool IsSlow => Link == Slow;
}
