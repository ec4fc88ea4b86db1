using System.Text.Json.Serialization;

namespace FineTuneGrid.Contracts.Inspection;

/// <summary>A file that a user brought: its path as the user named it, and where its bytes are.</summary>
/// <param name="Path">Relative path inside the model, data set or adapter, validated, never used as a storage key.</param>
/// <param name="Key">Blob key, made by the server.</param>
/// <param name="Sha256">Lower-case hexadecimal digest of the bytes.</param>
public sealed record SourceFile(string Path, string Key, long Length, string Sha256);

/// <summary>How a child process reaches the blob store: a folder on this machine, or a container with a scoped credential.</summary>
public sealed record BlobAccess(string? LocalRoot = null, string? AzureContainerUri = null, string? CacheDirectory = null)
{
    /// <summary>Stands in what is sent to a node, whose agent puts its own in: paths and credentials are a machine's own.</summary>
    public static BlobAccess OfNode { get; } = new();
}

/// <summary>One request to the inspector process. Exactly one of the verbs is set.</summary>
public sealed record InspectorRequest(
    BlobAccess Blobs,
    InspectModelRequest? InspectModel = null,
    InspectDatasetRequest? InspectDataset = null,
    TokenizeDatasetRequest? TokenizeDataset = null,
    InspectAdapterRequest? InspectAdapter = null,
    PreviewDatasetRequest? PreviewDataset = null,
    TokenizeTextRequest? TokenizeText = null,
    DetokenizeRequest? Detokenize = null);

/// <summary>One reply: the result of the verb, or the error.</summary>
public sealed record InspectorReply(
    GridError? Error = null,
    ModelManifest? Model = null,
    DatasetManifest? Dataset = null,
    TokenIndex? Tokens = null,
    AdapterInspection? Adapter = null,
    DatasetPreview? Preview = null,
    TokenizedTextReply? TokenizedText = null,
    string? Text = null);

public sealed record InspectModelRequest(string ModelId, IReadOnlyList<SourceFile> Files);

/// <summary>What is known of a base model from its files, without loading weights. Stored as <c>models/{id}/manifest.json</c>.</summary>
/// <param name="Digest">SHA-256 over the sorted (path, sha256) pairs of all files: the identity of the base model.</param>
/// <param name="TokenizerDigest">SHA-256 of tokenizer.json; null where the model brings no tokenizer.</param>
/// <param name="TemplateDigest">SHA-256 of the chat template's text; null where there is none.</param>
/// <param name="License">What its README.md or config.json states; null where they state none.</param>
/// <param name="LinearModules">Every linear layer that LoRA can wrap, by its full module path, with shapes.</param>
public sealed record ModelManifest(
    string Id,
    string Digest,
    string ModelType,
    long Parameters,
    string Dtype,
    int ContextLength,
    int VocabularySize,
    string? TokenizerDigest,
    string? TemplateDigest,
    string? License,
    IReadOnlyList<LinearModule> LinearModules,
    IReadOnlyList<SourceFile> Files)
{
    /// <summary>Names of the classes, by their ids, that the folder's own head tells apart; null where it has none.</summary>
    public IReadOnlyList<string>? Classes { get; init; }

    [JsonIgnore]
    public long Bytes => Files.Sum(f => f.Length);
}

public sealed record LinearModule(string Path, int InFeatures, int OutFeatures);

/// <param name="Files">In the order given by the user: the order of rows.</param>
public sealed record InspectDatasetRequest(string DatasetId, IReadOnlyList<SourceFile> Files);

/// <summary>A registered data set. Stored as <c>datasets/{id}/manifest.json</c>.</summary>
/// <param name="Format">Detected format: chat, prompt-completion, alpaca, sharegpt, text, preference, classification or tokens.</param>
/// <param name="Digest">SHA-256 over the ordered (path, sha256) pairs of the files.</param>
/// <param name="License">What its README.md states; null where it states none.</param>
public sealed record DatasetManifest(
    string Id,
    string Digest,
    string Format,
    long Rows,
    IReadOnlyList<string> Columns,
    IReadOnlyList<SourceShard> Shards,
    IReadOnlyList<SourceFile> Files,
    string? License = null)
{
    /// <summary>What its rows are like; null where its columns fit several formats, so that no row was looked into, and where an older build read it.</summary>
    public DatasetStatistics? Statistics { get; init; }

    [JsonIgnore]
    public long Bytes => Files.Sum(f => f.Length);
}

/// <summary>One shard: a Parquet row group, or a slice of lines of a JSONL file.</summary>
public sealed record SourceShard(string Path, int RowGroup, long FirstRow, long Rows);

/// <summary>Renders and tokenises a data set for one base model. The result is cached under its key.</summary>
/// <param name="Format">One of the formats, or <c>auto</c>.</param>
/// <param name="SequenceLength">Longest example in tokens; longer ones are refused with their count.</param>
/// <param name="Classes">Texts and their classes are wanted; null: what a model is to say.</param>
public sealed record TokenizeDatasetRequest(
    DatasetManifest Dataset,
    ModelManifest Model,
    string Format,
    int SequenceLength,
    ClassRequest? Classes = null);

/// <summary>Where classes come from.</summary>
/// <param name="Column">The column that holds them; null for <c>label</c>.</param>
/// <param name="Names">The classes there are, by their ids. Null: those of <paramref name="Adapter"/>; else the base's own where its head tells
/// all of the data's apart; else the data's, in order.</param>
/// <param name="Adapter">Files of the adapter whose classes they are.</param>
public sealed record ClassRequest(string? Column, IReadOnlyList<string>? Names = null, IReadOnlyList<SourceFile>? Adapter = null)
{
    public const string DefaultColumn = "label";
}

/// <summary>A tokenised data set: <c>datasets/{id}/tokens/{hash}/index.json</c>.</summary>
/// <param name="Key">Blob key of this index.</param>
/// <param name="Digest">SHA-256 over the shards' digests: the identity of the training data.</param>
public sealed record TokenIndex(
    string Key,
    string Digest,
    string Format,
    int SequenceLength,
    long Examples,
    long Tokens,
    long SupervisedTokens,
    int LongestExample,
    IReadOnlyList<TokenShard> Shards)
{
    /// <summary>Names of the classes, by their ids; null where the examples are none to classify.</summary>
    public IReadOnlyList<string>? Classes { get; init; }

    /// <summary>Tokens of the examples; null where an older build made them.</summary>
    public LengthHistogram? Lengths { get; init; }

    /// <summary>How rows become tokens. Raised whenever the same input would give other tokens than before.</summary>
    public const string Recipe = "ftg-tokens-2";
}

/// <summary>One safetensors file with <c>input_ids</c> I32 [tokens], <c>labels</c> I32 [tokens], <c>offsets</c> I64 [examples + 1].</summary>
public sealed record TokenShard(string Key, string Sha256, long Length, long Examples, long Tokens);

public sealed record InspectAdapterRequest(IReadOnlyList<SourceFile> Files, ModelManifest? Base);

/// <summary>What a PEFT adapter folder says of itself, checked against the base where one is given.</summary>
public sealed record AdapterInspection(
    int Rank,
    double Alpha,
    bool RsLora,
    string? BaseModelNameOrPath,
    IReadOnlyList<string> TargetModules,
    long Parameters,
    IReadOnlyList<SourceFile> Files);
