using System.Globalization;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>Ids of OpenAI's objects, each a function of the job's own id: <c>ftjob-x</c> is the job <c>job-x</c>.</summary>
internal static class FineTuningIds
{
    private const string JobKind = "ftjob";
    private const string EventKind = "ftevent";
    private const string CheckpointKind = "ftckpt";

    public static string OfJob(string job) => $"{JobKind}-{Bare(job)}";

    public static string OfEvent(string job, long number) => $"{EventKind}-{Bare(job)}-{number.ToString(CultureInfo.InvariantCulture)}";

    public static string OfCheckpoint(string job, int step) => $"{CheckpointKind}-{Bare(job)}-{step.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>The job's own id; what is none of either form comes back as it is, and names nothing.</summary>
    public static string Job(string id) => Ids.IsId(id, JobKind) ? $"{Ids.Job}-{Bare(id)}" : id;

    /// <summary>The number of an event of this job; null for another id.</summary>
    public static long? Event(string job, string id) => Number(id, OfEvent(job, 0)[..^1]);

    /// <summary>The step of a checkpoint of this job; null for another id.</summary>
    public static long? Checkpoint(string job, string id) => Number(id, OfCheckpoint(job, 0)[..^1]);

    private static string Bare(string id) => id[(id.IndexOf('-') + 1)..];

    private static long? Number(string id, string prefix) =>
        id.StartsWith(prefix, StringComparison.Ordinal) && long.TryParse(id.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
