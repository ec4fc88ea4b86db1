using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Shards;

/// <summary>Reads local data files through as <see cref="DatasetInspection"/> would, and tells of faults instead of refusing them.</summary>
public static class DatasetPreviewing
{
    private const int LongestSample = 64 << 10;

    /// <exception cref="GridException"><c>empty_dataset</c>, <c>invalid_parquet</c>, <c>invalid_dataset</c>: no rows can be told of.</exception>
    public static async Task<DatasetPreview> RunAsync(PreviewDatasetRequest request, CancellationToken cancellation = default)
    {
        var places = request.Files.ToDictionary(f => f.Path, f => f.Location, StringComparer.Ordinal);
        var sources = new SourceSet((file, _) => Task.FromResult<Stream>(SourceSet.OpenLocal(places[file.Path])),
            [.. request.Files.Select(f => new SourceFile(f.Path, "", f.Length, ""))]);
        if (sources.Files.Count == 0)
            throw new GridException(ErrorCodes.EmptyDataset, "There are no data files; name .parquet or .jsonl files.", "files");
        var columns = await sources.ColumnsAsync(cancellation);
        var types = await DeclaredAsync(sources, columns, cancellation);
        var (format, note) = Format(request.Format, columns);
        var bad = new FindingList();
        var scan = new DatasetScan(format, bad, bad);
        JsonElement? sample = null;
        await scan.RunAsync(sources, format?.Columns ?? columns.ToHashSet(StringComparer.Ordinal), cancellation, (row, fits) =>
        {
            Observe(row, types);
            if (fits)
                sample ??= row;
        });
        if (scan.Rows == 0)
            throw new GridException(ErrorCodes.EmptyDataset, "The data set has no rows.", "files");
        return new DatasetPreview(format?.Name, note, scan.Rows, bad.Count, [.. columns.Select(c => new PreviewColumn(c, string.Join(" or ", types[c].Kinds)))],
            scan.Shards, bad.Named, sample is { } row && row.GetRawText().Length <= LongestSample ? row : null);
    }

    private static (RowFormat? Format, string? Note) Format(string wanted, List<string> columns)
    {
        if (columns.Count == 0)
            return (null, null);
        try
        {
            return (RowFormat.Choose(wanted, columns), null);
        }
        catch (GridException problem)
        {
            return (null, problem.Message);
        }
    }

    private static async Task<Dictionary<string, ColumnKinds>> DeclaredAsync(SourceSet sources, List<string> columns, CancellationToken cancellation)
    {
        var types = columns.ToDictionary(c => c, _ => new ColumnKinds(), StringComparer.Ordinal);
        foreach (var file in sources.Files)
        {
            await using var reader = await sources.OpenAsync(file, cancellation);
            foreach (var column in columns)
            {
                if (reader.TypeOf(column) is { } type)
                    types[column].Declare(type);
            }
        }
        return types;
    }

    private static void Observe(JsonElement row, Dictionary<string, ColumnKinds> types)
    {
        foreach (var (column, kinds) in types)
        {
            if (!kinds.Declared && row.TryGetProperty(column, out var value))
                kinds.Kinds.Add(KindOf(value));
        }
    }

    private static string KindOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "list",
        JsonValueKind.String => "string",
        JsonValueKind.True or JsonValueKind.False => "bool",
        JsonValueKind.Number => value.TryGetInt64(out _) ? "integer" : "number",
        _ => "null",
    };

    private sealed class ColumnKinds
    {
        public SortedSet<string> Kinds { get; } = new(StringComparer.Ordinal);

        /// <summary>Whether a schema says it; values then have nothing to add.</summary>
        public bool Declared { get; private set; }

        public void Declare(string type)
        {
            Declared = true;
            Kinds.Add(type);
        }
    }
}
