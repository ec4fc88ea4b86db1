namespace FineTuneGrid.Contracts.Adapters;

/// <summary>
/// What an organisation thinks of a version. A stage's name is also an alias: it names the version that was last put there and
/// still is. Of <see cref="Champion"/> there is one; <see cref="Archived"/> so names the champion before, which is the way back.
/// </summary>
public static class AdapterStages
{
    /// <summary>May become the champion.</summary>
    public const string Candidate = "candidate";

    /// <summary>The one to use. It has kept the gates of the job that made it.</summary>
    public const string Champion = "champion";

    /// <summary>No longer to be used; kept.</summary>
    public const string Archived = "archived";

    public static readonly IReadOnlyList<string> All = [Candidate, Champion, Archived];

    /// <summary>The version that a stage's alias names.</summary>
    public static AdapterVersionView? Holder(IEnumerable<AdapterVersionView> versions, string stage) => versions.Where(v => v.Stage == stage).MaxBy(v => v.StageSeq);

    public static string Check(string? stage, string field) => stage is not null && All.Contains(stage)
        ? stage
        : throw new GridException(ErrorCodes.InvalidValue, $"{field} must be {string.Join(", ", All.Take(All.Count - 1))} or {All[^1]}.", field);
}

/// <summary>A version is to be in a stage.</summary>
/// <param name="By">The id of the key that asks for it.</param>
public sealed record StagePromotion(string Version, string Stage, string By);

/// <summary>One line of an adapter's history of stages.</summary>
/// <param name="Seq">1, 2 ... in the order of what happened.</param>
/// <param name="From">The stage that the version left; null where it had none.</param>
/// <param name="By">The id of the key that asked for it; of a champion's successor for the champion before.</param>
public sealed record StageChange(int Seq, string Version, string? From, string Stage, DateTimeOffset At, string By);
