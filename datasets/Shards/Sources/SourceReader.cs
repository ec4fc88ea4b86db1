using FineTuneGrid.Contracts;

namespace FineTuneGrid.Shards;

/// <summary>Reads one file that a user brought, slice by slice. Runs in the inspector process only.</summary>
public abstract class SourceReader : IAsyncDisposable
{
    private static readonly string[] JsonLinesExtensions = [".jsonl", ".ndjson", ".json"];

    /// <summary>Top-level columns, in the file's order. Of a JSONL file: the keys of its first row.</summary>
    public abstract IReadOnlyList<string> Columns { get; }

    /// <summary>The type that the file declares for a column; null where it declares none.</summary>
    public virtual string? TypeOf(string column) => null;

    /// <summary>The slices in order.</summary>
    /// <param name="columns">The columns wanted; absent ones are left out of the rows.</param>
    public abstract IAsyncEnumerable<SourceSlice> ReadAsync(IReadOnlySet<string> columns, CancellationToken cancellation = default);

    public abstract ValueTask DisposeAsync();

    /// <summary>Whether a file holds rows; documents that come along with data sets do not.</summary>
    public static bool HoldsRows(string path)
    {
        var name = Path.GetFileName(path);
        return !(name.EndsWith(".md", StringComparison.OrdinalIgnoreCase) || name.StartsWith('.')
            || name.StartsWith("LICENSE", StringComparison.OrdinalIgnoreCase) || name.StartsWith("NOTICE", StringComparison.OrdinalIgnoreCase));
    }

    /// <param name="path">The file's name as the user knows it; decides the format.</param>
    /// <param name="stream">Readable and seekable; disposed with the reader.</param>
    /// <exception cref="GridException"><c>invalid_parquet</c> or <c>invalid_dataset</c>.</exception>
    public static async Task<SourceReader> OpenAsync(string path, Stream stream, CancellationToken cancellation = default)
    {
        try
        {
            if (path.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase))
                return await ParquetSource.StartAsync(path, stream, cancellation);
            if (JsonLinesExtensions.Any(extension => path.EndsWith(extension, StringComparison.OrdinalIgnoreCase)))
                return await JsonLinesSource.StartAsync(path, stream, cancellation);
            throw new GridException(ErrorCodes.InvalidDataset, $"The file '{path}' is of no known kind; data files end in .parquet, .jsonl, .ndjson or .json (one JSON object a line).", path);
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }
}
