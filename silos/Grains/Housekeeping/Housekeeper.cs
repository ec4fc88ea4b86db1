using System.Diagnostics;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Housekeeping;
using FineTuneGrid.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FineTuneGrid.Grains.Housekeeping;

/// <summary>
/// Walks the store folder by folder: lists, then reads what is referenced, then lets <see cref="GarbageRules"/> decide, then
/// deletes what was listed, each blob only as the version that was listed. So runs may overlap and end anywhere.
/// </summary>
public sealed partial class Housekeeper(IBlobStore blobs, GrainStates states, IOptions<GridOptions> options, TimeProvider time, ILogger<Housekeeper> logger) : IHousekeeper
{
    private readonly GarbageTally _totals = new();

    public IReadOnlyList<HousekeepingKind> Totals => _totals.Kinds();

    public async Task<HousekeepingReport> RunAsync(bool dryRun, CancellationToken cancellation)
    {
        var (started, now) = (Stopwatch.GetTimestamp(), time.GetUtcNow());
        var (tally, problems) = (new GarbageTally(), new List<GridFinding>());
        var finder = new GarbageFinder(blobs, states, options.Value.Retention, time);
        await foreach (var found in finder.FindAsync(problems, cancellation))
        {
            foreach (var blob in found.Blobs)
            {
                var removed = dryRun ? true : await DeleteAsync(blob, cancellation);
                if (removed is null)
                    break;
                if (removed == false)
                    continue;
                tally.Add(found.Kind, blob);
                if (!dryRun)
                    _totals.Add(found.Kind, blob);
            }
        }
        var report = tally.Report(dryRun, now, Stopwatch.GetElapsedTime(started).TotalSeconds, problems);
        foreach (var problem in problems)
            LogProblem(problem.Where, problem.Message);
        LogDone(dryRun ? "would remove" : "removed", report.Blobs, report.Bytes, report.Seconds);
        return report;
    }

    /// <summary>False where another run was first; null where someone wrote it again, so that the rest of its group must stay.</summary>
    private async Task<bool?> DeleteAsync(BlobInfo blob, CancellationToken cancellation)
    {
        try
        {
            return await blobs.DeleteAsync(blob.Key, blob.ETag, cancellation);
        }
        catch (BlobConflictException)
        {
            LogSpared(blob.Key);
            return null;
        }
    }

    [LoggerMessage(LogLevel.Information, "Housekeeping {What} {Blobs} blobs of {Bytes} bytes in {Seconds:0.0} s")]
    private partial void LogDone(string what, long blobs, long bytes, double seconds);

    [LoggerMessage(LogLevel.Information, "Housekeeping spared {Key}: it was written again meanwhile")]
    private partial void LogSpared(string key);

    [LoggerMessage(LogLevel.Warning, "Housekeeping left {Folder} as it is: {Problem}")]
    private partial void LogProblem(string folder, string problem);
}
