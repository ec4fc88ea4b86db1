using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Storage;

/// <summary>
/// The weights among the files of a model folder in the blob store: those that its index names, else <c>model.safetensors</c>.
/// Published folders may bring further files of this format, such as a copy in another layout, which nobody reads.
/// </summary>
public static class StoredWeights
{
    /// <summary>Over all files; the largest published mixtures have half as many.</summary>
    private const int MaxTensors = 200_000;

    private const int MaxIndexBytes = 64 << 20;

    private const string HowToBring = "add the folder's weights in safetensors format (save_pretrained writes them)";

    /// <exception cref="GridException"><c>invalid_model</c> or <c>invalid_safetensors</c>, naming the file that is missing or wrong.</exception>
    public static async Task<IReadOnlyList<SourceFile>> FilesAsync(IBlobStore store, IReadOnlyList<SourceFile> files, CancellationToken cancellation = default) =>
        (await LocateAsync(store, files, cancellation)).Files;

    /// <summary>Every tensor by its name, from the headers alone.</summary>
    /// <exception cref="GridException">As <see cref="FilesAsync"/>, and where headers and index do not agree.</exception>
    public static async Task<IReadOnlyDictionary<string, SafetensorsTensor>> HeadersAsync(
        IBlobStore store, IReadOnlyList<SourceFile> files, CancellationToken cancellation = default)
    {
        var (index, weights) = await LocateAsync(store, files, cancellation);
        Dictionary<string, SafetensorsTensor> tensors = new(StringComparer.Ordinal);
        Dictionary<string, string> fileOf = new(StringComparer.Ordinal);
        foreach (var file in weights)
        {
            foreach (var tensor in (await HeaderAsync(store, file, SafetensorsProfile.Model, cancellation)).Tensors)
            {
                if (!tensors.TryAdd(tensor.Name, tensor))
                    throw SafetensorsFault.Of(file.Path, $"is also in '{fileOf[tensor.Name]}'; keep one of the two", tensor.Name);
                fileOf[tensor.Name] = file.Path;
            }
            if (tensors.Count > MaxTensors)
                throw SafetensorsFault.Of(file.Path, $"takes the model beyond {MaxTensors} tensors");
        }
        var misplaced = index?.FileOf.FirstOrDefault(p => fileOf.GetValueOrDefault(p.Key) != p.Value);
        return misplaced is { Key: { } name } at
            ? throw SafetensorsFault.Of(SafetensorsIndex.FileName, $"places {SafetensorsFault.Quote(name)} in '{at.Value}', which does not have it; add the index that belongs to these files")
            : tensors;
    }

    /// <summary>The header of one stored file, checked; its data is not read.</summary>
    public static async Task<SafetensorsHeader> HeaderAsync(IBlobStore store, SourceFile file, SafetensorsProfile profile, CancellationToken cancellation = default)
    {
        await using var content = await store.OpenReadAsync(file.Key, cancellation: cancellation) ?? throw Missing(file.Path, "has lost its bytes; upload it again");
        return await SafetensorsHeader.ReadAsync(content.Stream, content.Info.Length, file.Path, profile, cancellation);
    }

    private static async Task<(SafetensorsIndex? Index, IReadOnlyList<SourceFile> Files)> LocateAsync(
        IBlobStore store, IReadOnlyList<SourceFile> files, CancellationToken cancellation)
    {
        var byPath = files.ToDictionary(f => f.Path, StringComparer.Ordinal);
        if (byPath.TryGetValue(SafetensorsIndex.FileName, out var listed))
        {
            var json = await store.ReadAllBytesAsync(listed.Key, MaxIndexBytes, cancellation) ?? throw Missing(listed.Path, "has lost its bytes; upload it again");
            var index = SafetensorsIndex.Parse(json.Bytes);
            var absent = index.Files.Where(f => !byPath.ContainsKey(f)).ToList();
            return absent.Count == 0 ? (index, [.. index.Files.Select(f => byPath[f])])
                : throw Missing(absent[0], $"is named by {SafetensorsIndex.FileName} and is missing{(absent.Count > 1 ? $", as are {absent.Count - 1} more" : "")}; upload it");
        }
        if (byPath.TryGetValue(SafetensorsModel.SingleFileName, out var single))
            return (null, [single]);
        var other = files.FirstOrDefault(f => f.Path.EndsWith(".safetensors", StringComparison.Ordinal));
        throw Missing(SafetensorsModel.SingleFileName, other is null
            ? $"is missing, and so is {SafetensorsIndex.FileName}; weights are read in safetensors format only: {HowToBring}"
            : $"is missing, and no {SafetensorsIndex.FileName} says what '{other.Path}' holds; {HowToBring}");
    }

    private static GridException Missing(string file, string what) => new(ErrorCodes.InvalidModel, $"{file} {what}.", file);
}
