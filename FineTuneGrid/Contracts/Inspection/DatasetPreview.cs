using System.Text.Json;

namespace FineTuneGrid.Contracts.Inspection;

/// <summary>A look at data files that lie on this machine, before they are uploaded anywhere. Nothing is stored.</summary>
/// <param name="Files">In the order of their rows.</param>
/// <param name="Format">One of the formats, or <c>auto</c>.</param>
public sealed record PreviewDatasetRequest(IReadOnlyList<PreviewFile> Files, string Format);

/// <param name="Path">The file's name for messages; its ending decides how it is read.</param>
/// <param name="Location">Absolute path on this machine.</param>
public sealed record PreviewFile(string Path, string Location, long Length);

/// <summary>What a data set would be registered as, with every fault of its rows.</summary>
/// <param name="Format">The format the rows were checked against; null where the columns fit none, or several.</param>
/// <param name="Note">Why <paramref name="Format"/> is null, or why such data cannot be trained on.</param>
/// <param name="Rows">Rows found, bad ones included.</param>
/// <param name="Shards">Row groups of Parquet files, slices of lines of JSONL files.</param>
/// <param name="Findings">The first hundred bad rows, with their numbers.</param>
/// <param name="Sample">The first good row, as training would see it; null where there is none of a size to show.</param>
public sealed record DatasetPreview(
    string? Format,
    string? Note,
    long Rows,
    long BadRows,
    IReadOnlyList<PreviewColumn> Columns,
    IReadOnlyList<SourceShard> Shards,
    IReadOnlyList<GridFinding> Findings,
    JsonElement? Sample);

/// <param name="Type">As the Parquet schema declares it, or the kinds of values that the lines hold.</param>
public sealed record PreviewColumn(string Name, string Type);
