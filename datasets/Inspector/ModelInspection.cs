using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Shards;
using FineTuneGrid.Storage;
using FineTuneGrid.Text;

namespace FineTuneGrid.Inspector;

/// <summary>
/// Checks a model folder without loading weights: config, the headers of all weight files against the architecture that the config
/// describes, tokenizer and template. A folder with a tokenizer and no config is a tokenizer to train new models with; its type is
/// <c>tokenizer</c>. Touches no tensor, so it runs where there is no libtorch.
/// </summary>
internal static class ModelInspection
{
    private const string TokenizerOnly = "tokenizer";
    private const string TokenizerName = "tokenizer.json";

    /// <summary>What tokenizers that have no tokenizer.json are made of.</summary>
    private static readonly string[] OtherTokenizers =
        ["tokenizer.model", "tokenizer_config.json", "spiece.model", "sentencepiece.bpe.model", "vocab.json", "merges.txt", "vocab.txt", "tekken.json"];

    public static async Task<ModelManifest> RunAsync(IBlobStore store, InspectModelRequest request)
    {
        var files = new ModelFiles(store, request.Files, ErrorCodes.InvalidModel);
        CheckNames(files, request.Files);
        var config = await files.ReadObjectAsync("config.json");
        var text = files.Has(TokenizerName) ? await LoadTextAsync(files) : null;
        if (config is null && text is null)
            throw files.Bad("config.json", "is missing; upload the folder as it was published");
        if (text is { HasTemplate: true })
            TemplateTrial.Run(text);
        var license = await CardLicense.ReadAsync(store, request.Files);
        if (config is not { } root)
            return await TokenizerManifestAsync(request, files, text!, license);
        var body = ModelFamilies.Create(ModelConfig.From(root));
        var tensors = await StoredWeights.HeadersAsync(store, request.Files);
        var classes = Classes(root, body.Config.ModelType, tensors);
        var architecture = SequenceClassifier.OfFolder(body, classes, tensors.Keys);
        WeightLoader.Check(architecture, new SafetensorsCatalog(tensors));
        if (text is not null)
            CheckVocabulary(files, text, architecture.VocabSize);
        return new ModelManifest(request.ModelId, SourceDigest.Sorted(request.Files), architecture.Config.ModelType, architecture.StoredParameters.Sum(p => p.Count), Dtype(tensors.Values),
            architecture.ContextLength, architecture.VocabSize, text?.Tokenizer.Digest, text is { HasTemplate: true } ? text.Template.Digest : null,
            license ?? Text(root, "license"), Linear(architecture), request.Files)
        {
            Classes = classes,
        };
    }

    /// <summary>The classes of the folder's own head; null where it has none, or one that scores something else.</summary>
    private static IReadOnlyList<string>? Classes(JsonElement config, string type, IReadOnlyDictionary<string, SafetensorsTensor> tensors)
    {
        if (ModelTypes.ClassifierClass(type) is null || Text(config, "problem_type") is not (null or "single_label_classification")
            || !tensors.TryGetValue(ModelTypes.ClassifierHead(type) + ".weight", out var head) || head.Shape is not [> 1 and <= int.MaxValue and var count, _])
            return null;
        return ClassNames.Read(config) is { } names && names.Count == count ? names : [.. Enumerable.Range(0, (int)count).Select(i => $"LABEL_{i}")];
    }

    private static void CheckNames(ModelFiles files, IReadOnlyList<SourceFile> given)
    {
        if (given.FirstOrDefault(f => Pickles.Is(f.Path)) is { } pickle)
            throw files.Bad(pickle.Path, Pickles.Refusal);
        if (!files.Has(TokenizerName) && Array.Find(OtherTokenizers, files.Has) is { } other)
            throw new GridException(ErrorCodes.InvalidTokenizer,
                $"The folder has '{other}' and no {TokenizerName}, the one form of a tokenizer that is read; write it with AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR), and add that.", TokenizerName);
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

    /// <summary>Tokens that were added beside the vocabulary and are never written may lie beyond the embedding, as in published folders.</summary>
    private static void CheckVocabulary(ModelFiles files, ModelText text, int rows)
    {
        const string way = "; add the tokenizer of this model, or resize its embedding (resize_token_embeddings) and save it anew";
        if (text.Tokenizer.BaseVocabularySize > rows)
            throw files.Bad(TokenizerName, $"has ids up to {text.Tokenizer.BaseVocabularySize - 1}, but config.json's vocab_size is {rows}{way}");
        foreach (var id in text.StopIds.Concat(text.Tokenizer.Prefix).Concat(text.Tokenizer.Suffix).Where(id => id >= rows))
            throw files.Bad(TokenizerName, $"writes the token '{text.Tokenizer.TokenOf(id)}' with the id {id}, but config.json's vocab_size is {rows}{way}");
    }

    private static List<LinearModule> Linear(Architecture architecture) =>
        [.. architecture.Linears.Where(l => architecture.Classifier?.IsFresh(l.Name + ".") != true).OrderBy(l => l.Name, StringComparer.Ordinal).Select(l => new LinearModule(l.Name, l.In, l.Out))];

    private static string Dtype(IEnumerable<SafetensorsTensor> tensors) =>
        tensors.GroupBy(t => t.Dtype).OrderByDescending(g => g.Sum(t => t.ElementCount)).Select(g => g.Key.ToString()).FirstOrDefault() ?? "";

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static int? Number(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number > 0 ? number : null;
}
