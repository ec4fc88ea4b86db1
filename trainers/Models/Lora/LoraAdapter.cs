using FineTuneGrid.Models.Numerics;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Lora;

/// <summary>An adapter's factors in fp32, beside any base model of the right shapes. The base is never changed.</summary>
public sealed class LoraAdapter : IDisposable
{
    private readonly Dictionary<string, LoraModule> _modules;

    private LoraAdapter(LoraPlan plan, FlatParameters parameters)
    {
        Plan = plan;
        Parameters = parameters;
        _modules = plan.Modules.ToDictionary(m => m.Name, m => new LoraModule(m, parameters), StringComparer.Ordinal);
    }

    public LoraPlan Plan { get; }

    /// <summary>The factors under their PEFT names.</summary>
    public FlatParameters Parameters { get; }

    /// <summary>
    /// A new adapter: A uniform in [-1/sqrt(in), 1/sqrt(in)) (Kaiming with a = sqrt 5), B zero. Its bytes depend on the seed and the
    /// modules' names alone.
    /// </summary>
    public static LoraAdapter Create(LoraPlan plan, long seed, Device? device = null)
    {
        var adapter = Empty(plan, device);
        foreach (var module in plan.Modules)
            adapter.Parameters.FillUniform(module.NameA, seed, 1 / Math.Sqrt(module.In));
        return adapter;
    }

    /// <summary>All zeros: to be filled.</summary>
    public static LoraAdapter Empty(LoraPlan plan, Device? device = null) =>
        new(plan, FlatParameters.Zeros(
            plan.Modules.SelectMany(m => new (string, long[])[] { (m.NameA, [m.Rank, m.In]), (m.NameB, [m.Out, m.Rank]) }), device));

    public LoraModule? Find(string module) => _modules.GetValueOrDefault(module);

    public void Dispose() => Parameters.Dispose();
}

/// <summary>One layer's factors.</summary>
public sealed class LoraModule
{
    private readonly LoraModuleSpec _spec;
    private readonly FlatParameters _parameters;

    internal LoraModule(LoraModuleSpec spec, FlatParameters parameters)
    {
        _spec = spec;
        _parameters = parameters;
        SlotA = parameters.IndexOf(spec.NameA);
        SlotB = parameters.IndexOf(spec.NameB);
    }

    public int SlotA { get; }

    public int SlotB { get; }

    /// <summary>y + scale * (x A^T) B^T, in the dtype of x: the factors are rounded to it, their gradients are not.</summary>
    internal Tensor AddTo(Tensor y, Tensor x, LoraDropout? dropout)
    {
        var input = dropout is null ? x : x * dropout.Mask(_spec.Name, x);
        var low = nn.functional.linear(input, _parameters.Leaf(SlotA).to(x.dtype));
        return y.addmm(low, _parameters.Leaf(SlotB).to(x.dtype).t(), 1, (float)_spec.Scale);
    }
}

/// <summary>Dropout masks that are a function of the seed, the module's name and the element's index.</summary>
internal sealed class LoraDropout(long seed, double probability)
{
    internal Tensor Mask(string module, Tensor like)
    {
        var values = new float[like.NumberOfElements];
        CounterRng.Stream(seed, module).FillDropoutMask(values, probability);
        return tensor(values, like.shape, like.dtype, like.device);
    }
}
