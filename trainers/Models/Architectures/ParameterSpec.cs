using FineTuneGrid.Contracts;

namespace FineTuneGrid.Models.Architectures;

/// <summary>How a parameter starts when a model is trained from nothing.</summary>
public enum ParameterInit
{
    /// <summary>Normal with the config's initializer_range.</summary>
    Normal,
    Zeros,
    Ones,
}

/// <summary>A parameter as the published checkpoint names and shapes it.</summary>
/// <param name="Norm">Part of a norm: kept in fp32 whatever the compute dtype.</param>
public sealed record ParameterSpec(string Name, long[] Shape, ParameterInit Init, bool Norm = false)
{
    public long Count => Shape.Aggregate(1L, (a, b) => checked(a * b));
}

/// <summary>A linear layer that an adapter may attach to: y [*, Out] = x [*, In] W^T.</summary>
/// <param name="Name">Module path, as PEFT writes it after <c>base_model.model.</c></param>
/// <param name="Transposed">The published weight is [In, Out], which PEFT calls <c>fan_in_fan_out</c>.</param>
/// <param name="Share">Fraction of the tokens that pass through, for experts.</param>
/// <param name="Router">Chooses experts: so few outputs that an adapter's rank may exceed them.</param>
/// <param name="SharesInput">It reads the same x as the layer declared before it.</param>
public sealed record LinearSpec(string Name, int In, int Out, bool Transposed = false, double Share = 1, bool Router = false, bool SharesInput = false);

/// <summary>The projection from hidden states to logits: z = Scale * (h W^T + b), soft-capped where a cap is given.</summary>
/// <param name="Weight">Parameter name; the embedding's where the head is tied.</param>
/// <param name="SoftCap">z becomes cap * tanh(z / cap).</param>
public sealed record HeadSpec(string Weight, string? Bias = null, double Scale = 1, double? SoftCap = null)
{
    /// <summary>The module's path, under which a head that is trained whole is saved, a tied one too.</summary>
    public string Module { get; init; } = "lm_head";

    /// <summary>Whether the parameter is the head's alone.</summary>
    public bool Owns(string parameter) => parameter.StartsWith(Module + ".", StringComparison.Ordinal);
}

/// <summary>Collects an architecture's parameters and linear layers in the order of the forward pass.</summary>
public sealed class ParameterList
{
    /// <summary>Twice what the largest published mixtures have.</summary>
    private const int MostParameters = 200_000;

    private readonly List<ParameterSpec> _parameters = [];
    private readonly List<LinearSpec> _linears = [];

    public IReadOnlyList<ParameterSpec> Parameters => _parameters;

    public IReadOnlyList<LinearSpec> Linears => _linears;

    /// <summary>What the parts declared so far keep for the backward.</summary>
    public KeptElements Kept { get; private set; } = new();

    /// <summary>Said by a part of what one token leaves in it for the backward, beside the inputs of linear layers.</summary>
    internal void Keeps(KeptElements more) => Kept += more;

    /// <summary>A layer that adapters may attach to.</summary>
    public string Linear(string module, int inputs, int outputs, bool bias, double share = 1, bool sharesInput = false)
    {
        _linears.Add(new LinearSpec(module, inputs, outputs, Share: share, SharesInput: sharesInput));
        return Projection(module, inputs, outputs, bias);
    }

    /// <summary>A layer that chooses experts.</summary>
    public string Router(string module, int inputs, int experts)
    {
        _linears.Add(new LinearSpec(module, inputs, experts, Router: true));
        return Projection(module, inputs, experts, bias: false);
    }

    /// <summary>The same with the weight stored [in, out].</summary>
    public string Conv1D(string module, int inputs, int outputs, bool bias)
    {
        _linears.Add(new LinearSpec(module, inputs, outputs, Transposed: true));
        return Stored(module, [inputs, outputs], outputs, bias);
    }

    /// <summary>A linear layer that adapters never attach to, such as the head.</summary>
    public string Projection(string module, int inputs, int outputs, bool bias) => Stored(module, [outputs, inputs], outputs, bias);

    /// <summary>The head: its own projection, or the embedding's weight again where it is tied.</summary>
    public HeadSpec Head(bool tied, string embedding, string module, int inputs, int outputs, bool bias = false)
    {
        if (!tied)
            Projection(module, inputs, outputs, bias);
        else if (bias)
            Add(new ParameterSpec(module + ".bias", [outputs], ParameterInit.Zeros));
        return new HeadSpec(tied ? embedding : module + ".weight", bias ? module + ".bias" : null) { Module = module };
    }

    /// <summary>A matrix, or a stack of them, that no adapter attaches to.</summary>
    public string Matrix(string name, params int[] shape)
    {
        Add(new ParameterSpec(name, [.. shape.Select(n => (long)n)], ParameterInit.Normal));
        return name;
    }

    public string Embedding(string name, int rows, int dim)
    {
        Add(new ParameterSpec(name, [rows, dim], ParameterInit.Normal));
        return name;
    }

    /// <summary>A norm's factor.</summary>
    public string Scale(string name, params int[] shape)
    {
        Add(new ParameterSpec(name, [.. shape.Select(n => (long)n)], ParameterInit.Ones, Norm: true));
        return name;
    }

    /// <summary>A norm's summand, or a factor's distance from 1.</summary>
    public string Offset(string name, int size)
    {
        Add(new ParameterSpec(name, [size], ParameterInit.Zeros, Norm: true));
        return name;
    }

    private void Add(ParameterSpec parameter)
    {
        if (_parameters.Count == MostParameters)
            throw new GridException(ErrorCodes.InvalidModel, $"config.json describes more than {MostParameters} tensors; its numbers of layers and experts make no sense.", "config.json");
        _parameters.Add(parameter);
    }

    private string Stored(string module, long[] shape, int outputs, bool bias)
    {
        Add(new ParameterSpec(module + ".weight", shape, ParameterInit.Normal));
        if (bias)
            Add(new ParameterSpec(module + ".bias", [outputs], ParameterInit.Zeros));
        return module;
    }
}
