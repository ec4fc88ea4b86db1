using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Shards;
using FineTuneGrid.Storage;
using FineTuneGrid.Text;

namespace FineTuneGrid.Inspector;

/// <summary>
/// Checks a model folder without loading weights: config, the headers of all weight files, tokenizer and template. A folder with
/// a tokenizer and no config is a tokenizer to train new models with; its type is <c>tokenizer</c>.
/// </summary>
internal static class ModelInspection
{
    private const string TokenizerOnly = "tokenizer";

    // The embeddings and the output layer are no layers that LoRA wraps by default, whatever the family calls them.
    private static readonly string[] NotLinear = ["embed", "wte", "wpe", "wtt", "lm_head", "score", "classifier", "norm", "ln_", "position_ids", "rotary"];
    private static readonly string[] ContextKeys = ["max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx"];

    public static async Task<ModelManifest> RunAsync(IBlobStore store, InspectModelRequest request)
    {
        var files = new ModelFiles(store, request.Files, ErrorCodes.InvalidModel);
        var config = await files.ReadObjectAsync("config.json");
        var text = files.Has("tokenizer.json") ? await LoadTextAsync(files) : null;
        if (config is null && text is null)
            throw files.Bad("config.json", "is missing; upload the folder as it was published");
        if (config is not { } root)
            return await TokenizerManifestAsync(request, files, text!, await CardLicense.ReadAsync(store, request.Files));
        var type = Text(root, "model_type") ?? throw files.Bad("config.json", "names no model_type");
        if (!ModelTypes.Known.Contains(type))
            throw files.Bad("config.json", $"has model_type '{type}', which is not supported; supported are {string.Join(", ", ModelTypes.Known)}");
        var tensors = await TensorsAsync(files);
        var vocabulary = Number(root, "vocab_size") ?? throw files.Bad("config.json", "names no vocab_size");
        if (text is not null && text.Tokenizer.VocabularySize > vocabulary && text.StopIds.Any(id => id >= vocabulary))
            throw files.Bad("tokenizer.json", $"has an end token beyond the model's vocabulary of {vocabulary}; the two do not belong together");
        var license = await CardLicense.ReadAsync(store, request.Files) ?? Text(root, "license");
        return new ModelManifest(request.ModelId, SourceDigest.Sorted(request.Files), type, tensors.Sum(t => t.ElementCount), Dtype(tensors), Context(root), vocabulary,
            text?.Tokenizer.Digest, text is { HasTemplate: true } ? text.Template.Digest : null, license, Linear(type, tensors), request.Files);
    }

    private static async Task<ModelManifest> TokenizerManifestAsync(InspectModelRequest request, ModelFiles files, ModelText text, string? license)
    {
        var context = await files.ReadObjectAsync("tokenizer_config.json") is { } config ? Number(config, "model_max_length") ?? 0 : 0;
        return new ModelManifest(request.ModelId, SourceDigest.Sorted(request.Files), TokenizerOnly, 0, "", context, text.Tokenizer.VocabularySize,
            text.Tokenizer.Digest, text.HasTemplate ? text.Template.Digest : null, license, [], request.Files);
    }

    private static async Task<ModelText> LoadTextAsync(ModelFiles files)
    {
        Dictionary<string, ReadOnlyMemory<byte>> contents = new(StringComparer.Ordinal);
        foreach (var name in ModelText.FileNames)
        {
            if (await files.ReadAsync(name) is { } bytes)
                contents[name] = bytes;
        }
        return ModelText.Load(contents);
    }

    private static async Task<List<SafetensorsTensor>> TensorsAsync(ModelFiles files)
    {
        if (await files.ReadAsync(SafetensorsIndex.FileName) is { } json)
        {
            var index = SafetensorsIndex.Parse(json);
            Dictionary<string, SafetensorsHeader> headers = new(StringComparer.Ordinal);
            foreach (var file in index.Files)
                headers[file] = await files.HeaderAsync(file);
            return [.. index.FileOf.Select(p => headers[p.Value].Find(p.Key)
                ?? throw files.Bad(SafetensorsIndex.FileName, $"places '{p.Key}' in '{p.Value}', which does not have it"))];
        }
        if (files.Has(SafetensorsModel.SingleFileName))
            return [.. (await files.HeaderAsync(SafetensorsModel.SingleFileName)).Tensors];
        throw files.Bad(SafetensorsModel.SingleFileName, $"is missing, and so is {SafetensorsIndex.FileName}; weights are read in safetensors format only");
    }

    private static List<LinearModule> Linear(string type, List<SafetensorsTensor> tensors) =>
    [
        .. tensors.Where(t => t.Shape.Count == 2 && t.Name.EndsWith(".weight", StringComparison.Ordinal) && !Array.Exists(NotLinear, n => t.Name.Contains(n, StringComparison.OrdinalIgnoreCase))
                && t.Shape.All(d => d is > 0 and <= int.MaxValue))
            .OrderBy(t => t.Name, StringComparer.Ordinal)
            .Select(t => ModelTypes.StoresTransposed(type)
                ? new LinearModule(Path(type, t.Name), (int)t.Shape[0], (int)t.Shape[1])
                : new LinearModule(Path(type, t.Name), (int)t.Shape[1], (int)t.Shape[0])),
    ];

    /// <summary>As adapters name the module: with the prefix that folders of the bare model leave out.</summary>
    private static string Path(string type, string tensor)
    {
        var path = tensor[..^".weight".Length];
        var prefix = ModelTypes.BasePrefix(type);
        return path.StartsWith(prefix, StringComparison.Ordinal) ? path : prefix + path;
    }

    private static string Dtype(List<SafetensorsTensor> tensors) =>
        tensors.GroupBy(t => t.Dtype).OrderByDescending(g => g.Sum(t => t.ElementCount)).Select(g => g.Key.ToString()).FirstOrDefault() ?? "";

    private static int Context(JsonElement config) => ContextKeys.Select(key => Number(config, key)).FirstOrDefault(n => n is not null) ?? 0;

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static int? Number(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number > 0 ? number : null;
}
