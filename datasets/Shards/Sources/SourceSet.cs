using System.Runtime.CompilerServices;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Shards;

/// <summary>The files of a data set, read in the given order.</summary>
internal sealed class SourceSet(Func<SourceFile, CancellationToken, Task<Stream>> open, IReadOnlyList<SourceFile> files)
{
    private const int BufferBytes = 1 << 16;

    /// <summary>Files in the blob store.</summary>
    public SourceSet(IBlobStore store, IReadOnlyList<SourceFile> files)
        : this((file, cancellation) => StoredAsync(store, file, cancellation), files)
    {
    }

    public IReadOnlyList<SourceFile> Files { get; } = [.. files.Where(f => SourceReader.HoldsRows(f.Path))];

    /// <summary>Opens one file; its columns are known then.</summary>
    public async Task<SourceReader> OpenAsync(SourceFile file, CancellationToken cancellation) =>
        await SourceReader.OpenAsync(file.Path, await open(file, cancellation), cancellation);

    public static FileStream OpenLocal(string path) =>
        new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, BufferBytes);

    /// <summary>The columns that every file has, in the order of the first.</summary>
    public async Task<List<string>> ColumnsAsync(CancellationToken cancellation)
    {
        List<string>? common = null;
        foreach (var file in Files)
        {
            await using var reader = await OpenAsync(file, cancellation);
            // A file without rows (an empty JSONL file) has no columns to go by.
            if (reader.Columns.Count > 0)
                common = common is null ? [.. reader.Columns] : [.. common.Where(reader.Columns.Contains)];
        }
        return common ?? [];
    }

    public async IAsyncEnumerable<(SourceFile File, SourceSlice Slice)> ReadAsync(IReadOnlySet<string> columns, [EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (var file in Files)
        {
            await using var reader = await OpenAsync(file, cancellation);
            await foreach (var slice in reader.ReadAsync(columns, cancellation))
                yield return (file, slice);
        }
    }

    private static async Task<Stream> StoredAsync(IBlobStore store, SourceFile file, CancellationToken cancellation)
    {
        using var local = await store.OpenLocalAsync(file.Key, cancellation)
            ?? throw new GridException(ErrorCodes.NotFound, $"The file '{file.Path}' is not in the store; upload it again.", file.Path);
        return OpenLocal(local.Path);
    }
}
