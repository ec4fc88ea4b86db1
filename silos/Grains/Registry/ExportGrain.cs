using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Exports;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;

namespace FineTuneGrid.Grains.Registry;

/// <summary>
/// One export. What lies in the store decides whether it is there; that one is under way is known in memory alone: after the silo stopped it
/// is asked for again, and what two runs write is the same under the same names.
/// </summary>
[GrainType("export")]
public sealed partial class ExportGrain(IBlobStore blobs, ILogger<ExportGrain> logger) : Grain, IExportGrain
{
    private Task? _run;
    private GridError? _error;

    private string Prefix => this.GetPrimaryKeyString();

    private string Name => Prefix.TrimEnd('/').Split('/')[^1];

    public async Task<ExportView> Begin(string nodeId, TrainerTask task)
    {
        if (_run is null && await RecordAsync() is null)
        {
            _error = null;
            _run = RunAsync(nodeId, task);
        }
        return await Get();
    }

    public async Task<ExportView> Get()
    {
        if (_run is not null)
            return new ExportView(Name, ExportStatus.Running, (await blobs.ReadJsonAsync<ExportProgress>(Prefix + ExportProgress.FileName, GridJson.Options))?.Value);
        if (await RecordAsync() is { } record)
            return new ExportView(Name, ExportStatus.Ready, Files: record.Files, Report: record.Report);
        return _error is { } error ? new ExportView(Name, ExportStatus.Failed, Error: error) : new ExportView(Name, ExportStatus.Absent);
    }

    private async Task RunAsync(string nodeId, TrainerTask task)
    {
        await Task.Yield();
        try
        {
            var reply = await GrainFactory.GetGrain<INodeGrain>(nodeId).Verify(task, CancellationToken.None);
            _error = reply.Error;
        }
        catch (Exception e) when (e is GridException or TimeoutException or OrleansException)
        {
            _error = (e as GridException ?? new GridException(ErrorCodes.Unavailable, $"The node '{nodeId}' did not answer; ask again.", inner: e)).ToError();
        }
        finally
        {
            _run = null;
        }
        if (_error is { } error)
            LogFailed(Prefix, error.Code, error.Message);
        else
            LogDone(Prefix);
    }

    private async Task<ExportRecord?> RecordAsync() => (await blobs.ReadJsonAsync<ExportRecord>(Prefix + ExportRecord.FileName, GridJson.Options))?.Value;

    [LoggerMessage(LogLevel.Information, "Export {Prefix} is there")]
    private partial void LogDone(string prefix);

    [LoggerMessage(LogLevel.Warning, "Export {Prefix} failed: {Code}: {Message}")]
    private partial void LogFailed(string prefix, string code, string message);
}
