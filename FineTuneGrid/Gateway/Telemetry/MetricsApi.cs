using System.Diagnostics;
using System.Text.Json;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Housekeeping;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Gateway.Access;
using Orleans;

namespace FineTuneGrid.Gateway.Telemetry;

/// <summary><c>/metrics</c>: the grid and this process as Prometheus reads them. No key needed; no names of users in it.</summary>
public static class MetricsApi
{
    /// <summary>Below the usual time limit of a scrape.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static void UseRequestMetrics(this WebApplication app)
    {
        var metrics = app.Services.GetRequiredService<RequestMetrics>();
        app.Use(async (context, next) =>
        {
            // Asked before: the handler of exceptions takes the route away.
            var endpoint = context.GetEndpoint() as RouteEndpoint;
            var start = Stopwatch.GetTimestamp();
            try
            {
                await next(context);
            }
            finally
            {
                metrics.Record(endpoint, context.Response.StatusCode, Stopwatch.GetElapsedTime(start));
            }
        });
    }

    public static void MapMetrics(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/metrics", Metrics).AllowAnonymous().WithTags("health").WithSummary("Prometheus text format");

    private static async Task<IResult> Metrics(
        IGrainFactory grains, JobCensus census, RequestMetrics requests, IHousekeeper housekeeper, TimeProvider time, ILogger<JobCensus> logger)
    {
        var text = new PrometheusText();
        var up = true;
        try
        {
            await WriteGridAsync(text, grains, census, time).WaitAsync(Patience);
        }
        catch (Exception e)
        {
            // Whatever it is: the figures of this process are wanted all the more.
            TelemetryLog.GrainsSilent(logger, e);
            text = new PrometheusText();
            up = false;
        }
        text.Family("ftg_grains_up", "gauge", "1 where the grains answered this scrape; without them the grid's own figures are left out.").Sample("ftg_grains_up", up ? 1 : 0);
        requests.Write(text);
        WriteHousekeeping(text, housekeeper.Totals);
        WriteProcess(text);
        return Results.Text(text.ToString(), PrometheusText.ContentType);
    }

    private static async Task WriteGridAsync(PrometheusText text, IGrainFactory grains, JobCensus census, TimeProvider time)
    {
        var pool = grains.GetGrain<IPoolGrain>(PoolKeys.Default);
        var (jobs, queues, nodes, alive) = (await census.CountAsync(), await pool.Queues(), await pool.Nodes(), await pool.LiveNodes());
        text.Family("ftg_jobs", "gauge", "Jobs by status.");
        foreach (var status in Enum.GetValues<JobStatus>())
            text.Sample("ftg_jobs", jobs.Jobs.GetValueOrDefault(status), ("status", JsonNamingPolicy.SnakeCaseLower.ConvertName(status.ToString())));
        text.Family("ftg_trainer_starts_total", "counter", "Trainers that were started for jobs; beyond one a job they are restarts.").Sample("ftg_trainer_starts_total", jobs.TrainerStarts);
        text.Family("ftg_job_tokens_total", "counter", "Tokens that jobs were trained on.").Sample("ftg_job_tokens_total", jobs.Tokens);
        text.Family("ftg_job_steps_at_risk", "gauge", "The most steps of one job that no checkpoint holds yet.").Sample("ftg_job_steps_at_risk", jobs.StepsAtRisk);
        text.Family("ftg_queue_oldest_wait_seconds", "gauge", "How long the job has waited that has waited longest for its first slot; 0 where none does.")
            .Sample("ftg_queue_oldest_wait_seconds", jobs.WaitsSince is { } since ? Math.Max(0, (time.GetUtcNow() - since).TotalSeconds) : 0);
        text.Family("ftg_queue_waiting", "gauge", "Jobs that wait for a slot, in all queues.").Sample("ftg_queue_waiting", queues.Sum(q => q.Waiting));
        text.Family("ftg_queue_placed", "gauge", "Jobs that hold a slot, in all queues.").Sample("ftg_queue_placed", queues.Sum(q => q.Running));
        text.Family("ftg_nodes_known", "gauge", "Nodes that have ever registered and were not forgotten.").Sample("ftg_nodes_known", nodes.Count);
        text.Family("ftg_nodes_alive", "gauge", "Nodes with a valid lease.").Sample("ftg_nodes_alive", alive.Count);
        text.Family("ftg_slots_alive", "gauge", "Device slots of the nodes with a valid lease.").Sample("ftg_slots_alive", alive.Sum(n => n.Slots.Count));
    }

    private static void WriteHousekeeping(PrometheusText text, IReadOnlyList<HousekeepingKind> totals)
    {
        text.Family("ftg_housekeeping_removed_bytes_total", "counter", "Bytes that this process removed from the store because nothing referenced them.");
        foreach (var kind in totals) text.Sample("ftg_housekeeping_removed_bytes_total", kind.Bytes, ("kind", kind.Kind));
        text.Family("ftg_housekeeping_removed_blobs_total", "counter", "Blobs that this process removed from the store because nothing referenced them.");
        foreach (var kind in totals) text.Sample("ftg_housekeeping_removed_blobs_total", kind.Blobs, ("kind", kind.Kind));
    }

    private static void WriteProcess(PrometheusText text)
    {
        using var process = Process.GetCurrentProcess();
        text.Family("process_cpu_seconds_total", "counter", "Processor time of this process, user and system.").Sample("process_cpu_seconds_total", process.TotalProcessorTime.TotalSeconds);
        text.Family("process_resident_memory_bytes", "gauge", "Working set of this process.").Sample("process_resident_memory_bytes", process.WorkingSet64);
        text.Family("process_start_time_seconds", "gauge", "Start of this process, in seconds of Unix time.")
            .Sample("process_start_time_seconds", new DateTimeOffset(process.StartTime.ToUniversalTime()).ToUnixTimeMilliseconds() / 1000.0);
    }
}

internal static partial class TelemetryLog
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "The grains did not answer a scrape of /metrics")]
    public static partial void GrainsSilent(ILogger logger, Exception exception);
}
