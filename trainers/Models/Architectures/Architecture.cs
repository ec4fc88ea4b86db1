using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Architectures;

/// <summary>
/// A decoder known from its config alone: its parameters, its linear layers and how a forward pass goes. It holds no weights.
/// </summary>
public abstract class Architecture
{
    private Dictionary<string, LinearSpec>? _linearsByName;

    protected Architecture(ModelConfig config, ParameterList parameters)
    {
        Config = config;
        Parameters = parameters.Parameters;
        Linears = parameters.Linears;
        Kept = parameters.Kept;
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

    /// <summary>How positions are rotated, if they are.</summary>
    public RotarySpec? Rotary { get; init; }

    /// <summary>What one token leaves for the backward, over all layers, beside the inputs of linear layers.</summary>
    public KeptElements Kept { get; }

    /// <summary>Every parameter of the checkpoint; a tied head adds none.</summary>
    public IReadOnlyList<ParameterSpec> Parameters { get; }

    /// <summary>Every linear layer but the head.</summary>
    public IReadOnlyList<LinearSpec> Linears { get; }

    public long ParameterCount => Parameters.Sum(p => p.Count);

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
}
