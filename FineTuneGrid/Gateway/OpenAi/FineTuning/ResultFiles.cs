using System.Collections.Concurrent;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Gateway.Jobs;
using FineTuneGrid.Gateway.OpenAi.Files;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>
/// A job's result file: its steps as CSV, made when the job is first looked at after its success, and remembered beside the job.
/// Of two gateways that make it at once, the one that remembers it second takes its own away again.
/// </summary>
public sealed partial class ResultFiles(IBlobStore store, JobAccess jobs, FileStore files, ILogger<ResultFiles> logger)
{
    private const string FileName = "step_metrics.csv";
    private const int StepsAtOnce = 5000;

    private readonly ConcurrentDictionary<string, Lazy<Task<IReadOnlyList<string>>>> _making = new();

    private sealed record Made(IReadOnlyList<string> Files);

    /// <summary>Ids of the job's result files; none before its success, nor while the store takes none.</summary>
    public async Task<IReadOnlyList<string>> OfAsync(JobView job, CancellationToken ct)
    {
        if (job.Status != JobStatus.Succeeded) return [];
        if (await KnownAsync(job.Id) is { } known) return known;
        try
        {
            // Not for one reader alone: who goes away does not take it from the others.
            return await _making.GetOrAdd(job.Id, id => new Lazy<Task<IReadOnlyList<string>>>(() => MakeAsync(job))).Value.WaitAsync(ct);
        }
        catch (GridException e)
        {
            // The job is to be seen all the same; the next look tries again.
            LogNotMade(job.Id, e);
            return [];
        }
        finally
        {
            _making.TryRemove(job.Id, out _);
        }
    }

    private async Task<IReadOnlyList<string>> MakeAsync(JobView job)
    {
        if (await KnownAsync(job.Id) is { } known) return known;
        await using var csv = await WriteAsync(job);
        var file = await files.AddResultAsync(job.Org, FileName, csv, CancellationToken.None);
        try
        {
            await store.WriteJsonAsync(KeyOf(job.Id), new Made([file.Id]), WriteCondition.IfAbsent, GridJson.Options);
            return [file.Id];
        }
        catch (BlobConflictException)
        {
            await files.DeleteAsync(job.Org, file.Id, CancellationToken.None);
            return await KnownAsync(job.Id) ?? [];
        }
    }

    /// <summary>Steps may be millions: they go through a file, a page at a time.</summary>
    private async Task<FileStream> WriteAsync(JobView job)
    {
        var csv = new FileStream(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()), new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Options = FileOptions.DeleteOnClose | FileOptions.Asynchronous,
        });
        var pairs = job.Spec.Objective.PairBeta is not null;
        await using (var text = new StreamWriter(csv, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" })
        {
            await text.WriteLineAsync(StepMetricsCsv.Header(pairs));
            IReadOnlyList<StepMetrics> steps = [];
            do
            {
                steps = await jobs.Grain(job.Id).Metrics(steps.Count == 0 ? 0 : steps[^1].Step, StepsAtOnce);
                foreach (var step in steps) await text.WriteLineAsync(StepMetricsCsv.Line(step, pairs));
            }
            while (steps.Count == StepsAtOnce);
        }
        csv.Position = 0;
        return csv;
    }

    private async Task<IReadOnlyList<string>?> KnownAsync(string job) =>
        await store.ReadJsonAsync<Made>(KeyOf(job), GridJson.Options) is var (_, made) ? made.Files : null;

    /// <summary>Goes with the job.</summary>
    private static string KeyOf(string job) => $"jobs/{job}/openai-results.json";

    [LoggerMessage(LogLevel.Warning, "The result file of job {Job} could not be made")]
    private partial void LogNotMade(string job, Exception exception);
}
