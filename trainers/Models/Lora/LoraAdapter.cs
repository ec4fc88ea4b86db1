using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Numerics;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Lora;

/// <summary>An adapter's factors, and the modules that it trains whole, in fp32, beside any base model of the right shapes. The base is never changed.</summary>
public sealed class LoraAdapter : IDisposable
{
    private readonly Dictionary<string, LoraModule> _modules;
    private readonly Dictionary<string, int> _saved;

    private LoraAdapter(LoraPlan plan, FlatParameters parameters)
    {
        Plan = plan;
        Parameters = parameters;
        _modules = plan.Modules.ToDictionary(m => m.Name, m => new LoraModule(m, parameters), StringComparer.Ordinal);
        _saved = plan.Saved.ToDictionary(s => s.Parameter, s => parameters.IndexOf(s.Name), StringComparer.Ordinal);
    }

    public LoraPlan Plan { get; }

    /// <summary>The factors under their PEFT names.</summary>
    public FlatParameters Parameters { get; }

    /// <summary>
    /// A new adapter: A uniform in [-1/sqrt(in), 1/sqrt(in)) (Kaiming with a = sqrt 5), B zero. Its bytes depend on the seed and the
    /// modules' names alone; DoRA's magnitudes are the lengths of the base's rows, and modules that are trained whole start as the base's
    /// own, so that the model starts as its base. Modules that the base lacks start from the seed.
    /// </summary>
    /// <param name="weights">The base; needed where magnitudes or whole modules are.</param>
    public static LoraAdapter Create(LoraPlan plan, long seed, Device? device = null, ModelWeights? weights = null)
    {
        var adapter = Empty(plan, device);
        foreach (var module in plan.Modules)
        {
            adapter.Parameters.FillUniform(module.NameA, seed, 1 / Math.Sqrt(module.In));
            if (module.Dora)
                SetMagnitude(adapter.Parameters, module, weights ?? throw new ArgumentNullException(nameof(weights), "DoRA starts from the base's weights"));
        }

        foreach (var saved in plan.Saved)
        {
            if (saved.Source is null)
                adapter.Parameters.Fill(new ParameterSpec(saved.Name, saved.Shape, saved.Init), seed, plan.InitializerRange);
            else
                Copy(adapter.Parameters, saved, weights ?? throw new ArgumentNullException(nameof(weights), "modules that are trained whole start from the base's weights"));
        }

        return adapter;
    }

    /// <summary>All zeros: to be filled.</summary>
    public static LoraAdapter Empty(LoraPlan plan, Device? device = null) =>
        new(plan, FlatParameters.Zeros(plan.Parameters, device));

    public LoraModule? Find(string module) => _modules.GetValueOrDefault(module);

    /// <summary>Slot of a parameter of the model that this adapter trains whole; null: the base's own is used.</summary>
    internal int? SavedSlot(string parameter) => _saved.TryGetValue(parameter, out var slot) ? slot : null;

    public void Dispose() => Parameters.Dispose();

    private static void Copy(FlatParameters parameters, SavedParameter saved, ModelWeights weights)
    {
        using var scope = NewDisposeScope();
        parameters.Set(saved.Name, weights[saved.Source!]);
    }

    private static void SetMagnitude(FlatParameters parameters, LoraModuleSpec module, ModelWeights weights)
    {
        using var scope = NewDisposeScope();
        parameters.Set(module.NameMagnitude, weights.SquaredRowLengths(module.Name + ".weight", module.Transposed).sqrt());
    }
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
        Slots = [SlotA, SlotB, .. spec.Dora ? new[] { parameters.IndexOf(spec.NameMagnitude) } : []];
    }

    internal LoraModuleSpec Spec => _spec;

    internal Tensor A => _parameters.Leaf(SlotA);

    internal Tensor B => _parameters.Leaf(SlotB);

    /// <summary>All that the layer's output depends on.</summary>
    internal IReadOnlyList<int> Slots { get; }

    public int SlotA { get; }

    public int SlotB { get; }

    /// <summary>The layer with the adapter's part.</summary>
    /// <param name="weights">The base.</param>
    /// <param name="weight">The layer's matrix [out, in].</param>
    /// <param name="bias">[out], or null.</param>
    /// <param name="x">[T, in].</param>
    internal Tensor Project(ModelWeights weights, Tensor weight, Tensor? bias, Tensor x, LoraDropout? dropout) => _spec.Dora
        ? WithMagnitude(weights, weight, bias, x, dropout)
        : AddTo(nn.functional.linear(x, weight, bias), x, dropout);

    /// <summary>The trained magnitude over the length of each row of W + scale * B A, fp32 [out]; of DoRA alone.</summary>
    internal Tensor Factor(ModelWeights weights)
    {
        var weight = weights[_spec.Name + ".weight"];
        return Factor(weights, _spec.Transposed ? weight.t() : weight);
    }

    private Tensor Factor(ModelWeights weights, Tensor weight) => _parameters.Leaf(Slots[2]) / RowLengths(weights, weight);

    /// <summary>
    /// x W^T + (f - 1) * x' W^T + f * scale * (x' A^T) B^T + bias, where x' is x after dropout and f the trained magnitude over the length of
    /// each row of W + scale * B A. No gradient goes through the length (section 4.3 of the paper).
    /// </summary>
    private Tensor WithMagnitude(ModelWeights weights, Tensor weight, Tensor? bias, Tensor x, LoraDropout? dropout)
    {
        var factor = Factor(weights, weight).to(x.dtype);
        var y = nn.functional.linear(x, weight);
        // What dropout leaves out of the adapter's input stays in the base's part.
        var seen = dropout is null ? y : nn.functional.linear(x * dropout.Mask(_spec.Name, x), weight);
        var changed = AddTo(seen, x, dropout) * factor;
        if (dropout is not null)
            changed = changed + (y - seen);
        return bias is null ? changed : changed + bias;
    }

    /// <summary>Lengths of the rows of W + scale * B A, fp32 [out], without that matrix: |w|^2 + 2 s (W A^T)b + s^2 b(A A^T)b.</summary>
    private Tensor RowLengths(ModelWeights weights, Tensor weight)
    {
        using var quiet = no_grad();
        Tensor a = _parameters.Leaf(SlotA), b = _parameters.Leaf(SlotB);
        var across = (weight.matmul(a.to(weight.dtype).t()).to(ScalarType.Float32) * b).sum(-1);
        var own = (b.matmul(a.matmul(a.t())) * b).sum(-1);
        var squared = weights.SquaredRowLengths(_spec.Name + ".weight", _spec.Transposed) + across * (2 * _spec.Scale) + own * (_spec.Scale * _spec.Scale);
        return squared.sqrt();
    }

    /// <summary>y + scale * (x A^T) B^T, in the dtype of x: the factors are rounded to it, their gradients are not.</summary>
    private Tensor AddTo(Tensor y, Tensor x, LoraDropout? dropout)
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
