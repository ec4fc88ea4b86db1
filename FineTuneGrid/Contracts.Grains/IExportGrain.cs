using FineTuneGrid.Contracts.Exports;
using FineTuneGrid.Contracts.Training;
using Orleans;
using Orleans.Concurrency;

namespace FineTuneGrid.Contracts.Grains;

/// <summary>
/// One export of one model or adapter version. Key: where its files are, <c>.../exports/{export}/</c>. What is there when it is done is the
/// truth; the grain itself keeps nothing.
/// </summary>
[Alias("ftg.IExportGrain")]
public interface IExportGrain : IGrainWithStringKey
{
    /// <summary>Sees to it that the export is made: returns at once, also where it is there or under way.</summary>
    /// <param name="nodeId">Where to run the task.</param>
    [Alias("Begin")]
    Task<ExportView> Begin(string nodeId, TrainerTask task);

    [AlwaysInterleave]
    [Alias("Get")]
    Task<ExportView> Get();
}
