using System.Diagnostics;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Telemetry;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>A job's part of its trace: what the control plane does for it, how long it waited, and the whole of it at its end.</summary>
internal static class JobSpans
{
    /// <summary>The work of an effect that takes long; null for messages.</summary>
    public static Activity? Of(JobState state, JobEffect effect) => effect switch
    {
        ResolveEffect => GridTelemetry.Start("job.resolve", state.Submission.TraceParent, state.Id),
        PublishEffect => GridTelemetry.Start("job.publish", state.Submission.TraceParent, state.Id, state.Epoch),
        _ => null,
    };

    /// <summary>Spans that end with this change of state.</summary>
    public static void Ended(JobState before, JobState after)
    {
        if (before.StartedAt is null && after.StartedAt is { } started) Past("job.wait", after, started)?.Dispose();
        if (before.Status.IsTerminal() || !after.Status.IsTerminal() || after.FinishedAt is not { } finished) return;
        using var whole = Past("job", after, finished);
        whole?.SetTag("ftg.status", after.Status.ToString().ToLowerInvariant()).SetTag("ftg.attempts", after.Attempts);
        if (after.Status == JobStatus.Failed) whole.Fail(after.Error?.Message ?? "failed");
    }

    private static Activity? Past(string name, JobState job, DateTimeOffset end) =>
        GridTelemetry.Start(name, job.Submission.TraceParent, job.Id, job.Epoch, job.CreatedAt)?.SetEndTime(end.UtcDateTime);
}
