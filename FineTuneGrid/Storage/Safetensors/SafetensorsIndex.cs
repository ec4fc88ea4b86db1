using System.Text.Json;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage;

/// <summary>The index of a model in several files (<c>model.safetensors.index.json</c>): which file holds which tensor.</summary>
public sealed class SafetensorsIndex
{
    public const string FileName = "model.safetensors.index.json";

    private const int MaxBytes = 100_000_000;
    private const string Extension = ".safetensors";

    private SafetensorsIndex(IReadOnlyDictionary<string, string> fileOf, IReadOnlyList<string> files)
    {
        FileOf = fileOf;
        Files = files;
    }

    /// <summary>Tensor name to file name; the file lies beside the index.</summary>
    public IReadOnlyDictionary<string, string> FileOf { get; }

    /// <summary>Ordinal order.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <exception cref="GridException">invalid_safetensors: not an index, a tensor named twice, or a file name that is more than a name.</exception>
    public static SafetensorsIndex Parse(ReadOnlySpan<byte> json, string fileName = FileName)
    {
        if (json.Length > MaxBytes)
            throw SafetensorsFault.Of(fileName, $"has {json.Length} bytes; at most {MaxBytes} are accepted");
        IndexDocument? document;
        try
        {
            document = JsonSerializer.Deserialize<IndexDocument>(json, Options);
        }
        catch (JsonException e)
        {
            throw SafetensorsFault.Of(fileName, $"is not a valid index ({e.Message.TrimEnd('.')})", inner: e);
        }
        if (document?.WeightMap is not { Count: > 0 } map)
            throw SafetensorsFault.Of(fileName, "has no 'weight_map' with at least one tensor");
        foreach (var (tensor, file) in map)
        {
            if (!IsPlainFileName(file))
                throw SafetensorsFault.Of(fileName, $"maps the tensor {SafetensorsFault.Quote(tensor)} to {SafetensorsFault.Quote(file ?? "null")}, which is not the name of a {Extension} file beside it");
        }
        return new SafetensorsIndex(map, [.. map.Values.Distinct().Order(StringComparer.Ordinal)]);
    }

    private static readonly JsonSerializerOptions Options = new()
    {
        AllowDuplicateProperties = false,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        MaxDepth = 8,
    };

    /// <summary>One segment under the rule for storage keys, which has no room for traversal, drives or control characters.</summary>
    private static bool IsPlainFileName(string? file) =>
        BlobKey.IsValid(file) && !file.Contains('/') && file.EndsWith(Extension, StringComparison.Ordinal) && file.Length > Extension.Length;

    private sealed record IndexDocument(Dictionary<string, string>? WeightMap);
}
