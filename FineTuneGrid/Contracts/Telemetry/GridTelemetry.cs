using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace FineTuneGrid.Contracts.Telemetry;

/// <summary>
/// Spans and instruments of every process of the grid, as OpenTelemetry names them. Without an exporter they cost next to nothing.
/// A job carries the W3C trace context of the request that submitted it through every process, so one trace shows all of it.
/// </summary>
public static class GridTelemetry
{
    public const string Name = "FineTuneGrid";

    public const string JobTag = "ftg.job";
    public const string EpochTag = "ftg.epoch";
    public const string StepTag = "ftg.step";

    public static readonly ActivitySource Source = new(Name);

    public static readonly Meter Meter = new(Name);

    /// <summary>Starts a span of a job; null where nobody listens, or where the job's submitter chose not to be traced.</summary>
    /// <param name="traceParent">W3C trace context, level 1; anything else starts a trace of its own.</param>
    public static Activity? Start(string name, string? traceParent, string job, int? epoch = null, DateTimeOffset start = default)
    {
        var parent = ActivityContext.TryParse(traceParent, null, isRemote: true, out var context) ? context : default;
        var span = Source.StartActivity(name, ActivityKind.Internal, parent, startTime: start);
        span?.SetTag(JobTag, job);
        if (epoch is { } number) span?.SetTag(EpochTag, number);
        return span;
    }

    /// <summary>Marks a span as failed, with what the user is told.</summary>
    public static void Fail(this Activity? span, string why) => span?.SetStatus(ActivityStatusCode.Error, why);
}
