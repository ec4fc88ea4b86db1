using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Architectures;

/// <summary>
/// A model known from its config alone: its parameters, its linear layers and how a forward pass goes. It holds no weights.
/// </summary>
public abstract class Architecture
{
    private Dictionary<string, LinearSpec>? _linearsByName;

    protected Architecture(ModelConfig config, ParameterList parameters)
        : this(config, parameters.Parameters, parameters.Linears, parameters.Kept)
    {
    }

    protected Architecture(ModelConfig config, IReadOnlyList<ParameterSpec> parameters, IReadOnlyList<LinearSpec> linears, KeptElements kept)
    {
        Config = config;
        Parameters = parameters;
        Linears = linears;
        Kept = kept;
    }

    public ModelConfig Config { get; }

    public required int VocabSize { get; init; }

    public required int HiddenSize { get; init; }

    public required int LayerCount { get; init; }

    /// <summary>Longest sequence that the model was made for, in tokens.</summary>
    public required int ContextLength { get; init; }

    public required int HeadCount { get; init; }

    public required int KeyValueHeads { get; init; }

    public required int HeadDim { get; init; }

    public required HeadSpec Head { get; init; }

    /// <summary>What published folders of the bare model leave out of the names, such as <c>transformer.</c></summary>
    public string BasePrefix { get; init; } = "model.";

    /// <summary>Every token sees all others of its sequence: it predicts no next one, and can only classify.</summary>
    public bool IsEncoder { get; init; }

    /// <summary>Kinds of segments that tokens may be of; 0 where the model does not tell them apart.</summary>
    public int TokenTypes { get; init; }

    /// <summary>How sequences are classified; null for a model of language.</summary>
    public ClassifierSpec? Classifier { get; init; }

    /// <summary>Modules that published folders of the family may lack.</summary>
    public IReadOnlyList<string> OptionalModules { get; init; } = [];

    /// <summary>Beginnings of the names of tensors that a folder may hold beside the parameters, such as heads for other tasks.</summary>
    public IReadOnlyList<string> Ignored { get; init; } = [];

    /// <summary>How positions are rotated, if they are.</summary>
    public RotarySpec? Rotary { get; init; }

    /// <summary>What one token leaves for the backward, over all layers, beside the inputs of linear layers.</summary>
    public KeptElements Kept { get; }

    /// <summary>Every parameter of the checkpoint; a tied head adds none.</summary>
    public IReadOnlyList<ParameterSpec> Parameters { get; }

    /// <summary>Those that the base's folder holds.</summary>
    public IEnumerable<ParameterSpec> StoredParameters => Classifier is { } classifier ? Parameters.Where(p => !classifier.IsFresh(p.Name)) : Parameters;

    /// <summary>Every linear layer but the head.</summary>
    public IReadOnlyList<LinearSpec> Linears { get; }

    public long ParameterCount => Parameters.Sum(p => p.Count);

    /// <summary>Width of the rows that the head reads.</summary>
    public int HeadInputs => Parameters.FirstOrDefault(p => p.Name == Head.Weight) is { } weight ? (int)weight.Shape[1] : HiddenSize;

    public double InitializerRange => Config.Number("initializer_range", 0.02);

    public LinearSpec? FindLinear(string module)
    {
        _linearsByName ??= Linears.ToDictionary(l => l.Name, StringComparer.Ordinal);
        return _linearsByName.GetValueOrDefault(module);
    }

    /// <summary>Token ids [T] -> hidden states [T, hidden] in the pass's dtype.</summary>
    public abstract Tensor Embed(ForwardPass pass, Tensor tokens);

    /// <summary>One layer: [T, hidden] -> [T, hidden].</summary>
    public abstract Tensor Block(ForwardPass pass, int layer, Tensor hidden);

    /// <summary>What follows the last layer and precedes the head, usually a norm: [T, hidden] -> [T, hidden].</summary>
    public abstract Tensor Final(ForwardPass pass, Tensor hidden);

    /// <summary>What the head reads of the rows that are asked for: [n, hidden] -> [n, head's inputs].</summary>
    public virtual Tensor Pool(ForwardPass pass, Tensor rows) => rows;
}
