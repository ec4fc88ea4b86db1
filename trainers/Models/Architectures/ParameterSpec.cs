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
public sealed record LinearSpec(string Name, int In, int Out);

/// <summary>The projection from hidden states to logits: z = Scale * (h W^T + b), soft-capped where a cap is given.</summary>
/// <param name="Weight">Parameter name; the embedding's where the head is tied.</param>
/// <param name="SoftCap">z becomes cap * tanh(z / cap).</param>
public sealed record HeadSpec(string Weight, string? Bias = null, double Scale = 1, double? SoftCap = null);

/// <summary>Collects an architecture's parameters and linear layers in the order of the forward pass.</summary>
public sealed class ParameterList
{
    private readonly List<ParameterSpec> _parameters = [];
    private readonly List<LinearSpec> _linears = [];

    public IReadOnlyList<ParameterSpec> Parameters => _parameters;

    public IReadOnlyList<LinearSpec> Linears => _linears;

    /// <summary>A layer that adapters may attach to.</summary>
    public string Linear(string module, int inputs, int outputs, bool bias)
    {
        _linears.Add(new LinearSpec(module, inputs, outputs));
        return Projection(module, inputs, outputs, bias);
    }

    /// <summary>A linear layer that adapters never attach to, such as the head.</summary>
    public string Projection(string module, int inputs, int outputs, bool bias)
    {
        _parameters.Add(new ParameterSpec(module + ".weight", [outputs, inputs], ParameterInit.Normal));
        if (bias)
            _parameters.Add(new ParameterSpec(module + ".bias", [outputs], ParameterInit.Zeros));
        return module;
    }

    public string Embedding(string name, int rows, int dim)
    {
        _parameters.Add(new ParameterSpec(name, [rows, dim], ParameterInit.Normal));
        return name;
    }

    /// <summary>A norm's factor.</summary>
    public string Scale(string name, int size)
    {
        _parameters.Add(new ParameterSpec(name, [size], ParameterInit.Ones, Norm: true));
        return name;
    }
}
