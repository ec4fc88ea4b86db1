using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Architectures;

/// <summary>What a model that classifies sequences adds to its body.</summary>
/// <param name="Module">The head: one row of scores for each sequence.</param>
/// <param name="Labels">Names of the classes, by their ids.</param>
/// <param name="FirstToken">The head reads a sequence's first token; else its last.</param>
/// <param name="Fresh">Modules that the base's folder lacks, so that each job starts them from its seed and keeps them in its adapter.</param>
public sealed record ClassifierSpec(string Module, IReadOnlyList<string> Labels, bool FirstToken, IReadOnlyList<string> Fresh)
{
    public bool HeadIsFresh => Fresh.Contains(Module);

    public bool IsFresh(string parameter) => Fresh.Any(m => parameter.StartsWith(m + ".", StringComparison.Ordinal));
}

/// <summary>
/// A body with a head over classes instead of tokens, as the published <c>...ForSequenceClassification</c> have it: an encoder's pooled
/// first token and <c>classifier</c>, or a decoder's last token and <c>score</c>.
/// </summary>
public sealed class SequenceClassifier : Architecture
{
    /// <summary>Stand for classes that are not known yet.</summary>
    private static readonly string[] Unnamed = ["0", "1"];

    private readonly Architecture _body;

    private SequenceClassifier(ModelConfig config, Architecture body, IReadOnlyList<ParameterSpec> parameters)
        : base(config, parameters, body.Linears, body.Kept) => _body = body;

    /// <param name="body">A model of a family that classifies; its own head is left out.</param>
    /// <param name="labels">Names of the classes, at least two.</param>
    /// <param name="fresh">See <see cref="ClassifierSpec.Fresh"/>.</param>
    /// <exception cref="GridException"><c>unsupported_model</c>: no published class of this family classifies sequences.</exception>
    public static SequenceClassifier Create(Architecture body, IReadOnlyList<string> labels, IReadOnlyList<string>? fresh = null)
    {
        var type = body.Config.ModelType;
        var name = ModelTypes.ClassifierClass(type)
            ?? throw new GridException(ErrorCodes.UnsupportedModel, $"Models of type '{type}' have no published class for sequence classification; name a base of another type.", "base_model");
        var module = ModelTypes.ClassifierHead(type);
        var parameters = new ParameterList();
        var head = parameters.Head(tied: false, "", module, body.HeadInputs, labels.Count, bias: body.IsEncoder);
        return new SequenceClassifier(WithLabels(body.Config, name, labels), body, [.. body.Parameters.Where(p => !body.Head.Owns(p.Name)), .. parameters.Parameters])
        {
            VocabSize = body.VocabSize,
            HiddenSize = body.HiddenSize,
            LayerCount = body.LayerCount,
            ContextLength = body.ContextLength,
            HeadCount = body.HeadCount,
            KeyValueHeads = body.KeyValueHeads,
            HeadDim = body.HeadDim,
            Head = head,
            BasePrefix = body.BasePrefix,
            Rotary = body.Rotary,
            IsEncoder = body.IsEncoder,
            TokenTypes = body.TokenTypes,
            Ignored = [.. body.Ignored, body.Head.Module + ".", module + ".", .. (fresh ?? []).Select(m => m + ".")],
            Classifier = new ClassifierSpec(module, labels, body.IsEncoder, fresh ?? []),
        };
    }

    /// <summary>What a folder holds: a classifier where it has a head over classes, or can have no other; else the body as it is.</summary>
    /// <param name="classes">Of the folder's own head; null where it has none.</param>
    /// <param name="tensors">Names of the folder's tensors.</param>
    public static Architecture OfFolder(Architecture body, IReadOnlyList<string>? classes, IEnumerable<string> tensors)
    {
        if (classes is null && !body.IsEncoder)
            return body;
        var names = tensors.ToList();
        List<string> fresh = [.. body.OptionalModules.Where(module => !names.Any(n => IsOf(n, module) || IsOf(body.BasePrefix + n, module)))];
        if (classes is null)
            fresh.Add(ModelTypes.ClassifierHead(body.Config.ModelType));
        return Create(body, classes ?? Unnamed, fresh);

        static bool IsOf(string tensor, string module) => tensor.StartsWith(module + ".", StringComparison.Ordinal);
    }

    public override Tensor Embed(ForwardPass pass, Tensor tokens) => _body.Embed(pass, tokens);

    public override Tensor Block(ForwardPass pass, int layer, Tensor hidden) => _body.Block(pass, layer, hidden);

    public override Tensor Final(ForwardPass pass, Tensor hidden) => _body.Final(pass, hidden);

    public override Tensor Pool(ForwardPass pass, Tensor rows) => _body.Pool(pass, rows);

    /// <summary>The config with the classes' names, as it is published with a classifier.</summary>
    private static ModelConfig WithLabels(ModelConfig config, string name, IReadOnlyList<string> labels)
    {
        var json = (JsonObject)JsonNode.Parse(config.Json.GetRawText())!;
        json["architectures"] = new JsonArray(name);
        json["id2label"] = new JsonObject(labels.Select((label, id) => KeyValuePair.Create($"{id}", (JsonNode?)label)));
        json["label2id"] = new JsonObject(labels.Select((label, id) => KeyValuePair.Create(label, (JsonNode?)id)));
        json["problem_type"] = "single_label_classification";
        using var document = System.Text.Json.JsonDocument.Parse(json.ToJsonString());
        return ModelConfig.From(document.RootElement);
    }
}
