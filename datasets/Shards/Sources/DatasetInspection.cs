using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Shards;

/// <summary>Reads a data set through: its columns, format, shards, and every fault of its rows that needs no model to see.</summary>
public static class DatasetInspection
{
    private const string Field = "files";

    /// <exception cref="GridException"><c>empty_dataset</c>, <c>invalid_dataset</c>, <c>invalid_parquet</c> or <c>invalid_json</c>, with the rows.</exception>
    public static async Task<DatasetManifest> RunAsync(IBlobStore store, InspectDatasetRequest request, CancellationToken cancellation = default)
    {
        var sources = new SourceSet(store, request.Files);
        if (sources.Files.Count == 0)
            throw new GridException(ErrorCodes.EmptyDataset, "The data set has no data files; add .parquet or .jsonl files.", Field);
        var columns = await sources.ColumnsAsync(cancellation);
        var detected = columns.Count == 0 ? null : RowFormat.Detect(columns);
        var format = detected is null or RowFormat.Auto ? null : RowFormat.ByName(detected, columns);
        var (damaged, faults) = (new FindingList(), new FindingList());
        var scan = new DatasetScan(format, damaged, faults);
        var survey = new DatasetSurvey();
        await scan.RunAsync(sources, format?.Columns ?? new HashSet<string>(), cancellation, (row, _) =>
        {
            if (format is not null)
                survey.Add(row);
        });
        damaged.ThrowIfAny(ErrorCodes.InvalidJson, Field, "Mend or remove these lines.");
        faults.ThrowIfAny(ErrorCodes.InvalidDataset, Field, $"Mend or remove these rows (format '{detected}').");
        if (scan.Rows == 0 || detected is null)
            throw new GridException(ErrorCodes.EmptyDataset, "The data set has no rows.", Field);
        return new DatasetManifest(request.DatasetId, SourceDigest.Ordered(sources.Files), detected, scan.Rows, columns, scan.Shards, sources.Files,
            await CardLicense.ReadAsync(store, request.Files, cancellation)) { Statistics = survey.Conclude() };
    }
}
