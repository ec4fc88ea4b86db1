using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Storage;
using FineTuneGrid.Text.Json;

namespace FineTuneGrid.Inspector;

/// <summary>The files of a model or adapter folder, by their paths.</summary>
internal sealed class ModelFiles(IBlobStore store, IReadOnlyList<SourceFile> files, string code)
{
    private const int MaximumDocumentBytes = 64 << 20;

    public bool Has(string path) => Find(path) is not null;

    public SourceFile? Find(string path) => files.FirstOrDefault(f => f.Path == path);

    public async Task<byte[]?> ReadAsync(string path) =>
        Find(path) is { } file && await store.ReadAllBytesAsync(file.Key, MaximumDocumentBytes) is var (_, bytes) ? bytes : null;

    /// <summary>A JSON object; null where the folder has no such file.</summary>
    public async Task<JsonElement?> ReadObjectAsync(string path)
    {
        if (await ReadAsync(path) is not { } bytes)
            return null;
        try
        {
            using var document = StrictJson.Parse(bytes, path);
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : throw Bad(path, "must hold one JSON object");
        }
        catch (GridException problem) when (problem.Code == ErrorCodes.InvalidJson)
        {
            throw new GridException(code, problem.Message, path, problem);
        }
    }

    /// <summary>The header of a safetensors file, checked; the data is not read.</summary>
    public Task<SafetensorsHeader> HeaderAsync(string path, SafetensorsProfile profile) =>
        StoredWeights.HeaderAsync(store, Find(path) ?? throw Bad(path, "is missing; upload it"), profile);

    public GridException Bad(string path, string what) => new(code, $"{path} {what}.", path);
}
