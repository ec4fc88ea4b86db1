using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;

namespace FineTuneGrid.Models.Export;

/// <summary>A module and what llama.cpp calls it. '#' stands for the layer's number, '%' for an index within it, such as an expert's.</summary>
/// <param name="Bias">llama.cpp has a place for its bias.</param>
internal sealed record GgufModule(string Published, string Name, GgufForm Form = GgufForm.AsPublished, bool Bias = false);

/// <summary>How one family is written for llama.cpp: its architecture there, names and forms of its tensors, hyperparameters.</summary>
internal sealed record GgufFamily(string Architecture, IReadOnlyList<GgufModule> Modules)
{
    /// <summary>Key and value of the norms' epsilon.</summary>
    public required (string Key, Func<ModelConfig, double> Value) Epsilon { get; init; }

    /// <summary>The activation that llama.cpp computes: silu or gelu (any of gelu's forms), and where the config names it.</summary>
    public required (string Kind, string Field, string Default) Activation { get; init; }

    /// <summary>Also where the head is tied llama.cpp wants it stored.</summary>
    public bool NeedsHead { get; init; }

    /// <summary>Reads the factors of Llama 3's scaling from a tensor.</summary>
    public bool TakesFrequencyFactors { get; init; }

    /// <summary>How positions are rotated, where that is not what the architecture says.</summary>
    public Func<Architecture, RotarySpec?> Rotary { get; init; } = a => a.Rotary;

    /// <summary>What the common keys do not say.</summary>
    public Action<GgufMetadata, Architecture>? More { get; init; }

    /// <summary>Why llama.cpp would compute something else for this config; null where it would not.</summary>
    public Func<Architecture, string?>? Refusal { get; init; }

    /// <summary>Tokens that attend to each other in every layer, where the config limits that and llama.cpp does not.</summary>
    public Func<ModelConfig, int?>? Window { get; init; }
}
