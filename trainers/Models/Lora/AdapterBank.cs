using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Loading;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Lora;

/// <summary>
/// The factors of several adapters stacked layer by layer, so that rows of all of them go through two products (batched adapters: Chen et al.
/// 2023, Sheng et al. 2023). Lower ranks are filled up with zeros, which change no bit of a sum; an adapter that leaves a layer alone,
/// and the bare base, are zeros there.
/// </summary>
public sealed class AdapterBank : IDisposable
{
    private readonly IReadOnlyList<LoraAdapter?> _adapters;
    private readonly Dictionary<string, StackedModule> _modules;

    private AdapterBank(IReadOnlyList<LoraAdapter?> adapters, Dictionary<string, StackedModule> modules) => (_adapters, _modules) = (adapters, modules);

    public int Count => _adapters.Count;

    /// <summary>Whether an adapter can stand beside others: not where it replaces parameters of the base.</summary>
    public static bool Takes(LoraAdapter? adapter) => adapter is null || adapter.Plan.Saved.Count == 0;

    /// <param name="weights">The base.</param>
    /// <param name="adapters">Different ones; null is the base alone. They are copied.</param>
    public static AdapterBank Create(ModelWeights weights, IReadOnlyList<LoraAdapter?> adapters)
    {
        if (!adapters.All(Takes))
            throw new ArgumentException("an adapter that trains modules whole cannot be stacked", nameof(adapters));
        var names = adapters.OfType<LoraAdapter>().SelectMany(a => a.Plan.Modules).Select(m => m.Name).Distinct(StringComparer.Ordinal);
        return new AdapterBank(adapters, names.ToDictionary(n => n, n => StackedModule.Create(weights, [.. adapters.Select(a => a?.Find(n))]), StringComparer.Ordinal));
    }

    public bool Holds(IEnumerable<LoraAdapter?> adapters) => adapters.All(_adapters.Contains);

    public void Dispose()
    {
        foreach (var module in _modules.Values)
            module.Dispose();
    }

    internal int SlotOf(LoraAdapter? adapter)
    {
        for (var i = 0; i < _adapters.Count; i++)
        {
            if (ReferenceEquals(_adapters[i], adapter))
                return i;
        }

        throw new ArgumentException("the adapter is not in the bank", nameof(adapter));
    }

    /// <summary>Null where no adapter covers the layer.</summary>
    internal StackedModule? Find(string module) => _modules.GetValueOrDefault(module);
}

/// <summary>One layer's factors of every adapter.</summary>
internal sealed class StackedModule : IDisposable
{
    private readonly Tensor _down;
    private readonly Tensor _up;
    private readonly Tensor? _factor;

    /// <param name="down">[adapters, in, rank]</param>
    /// <param name="up">[adapters, rank, out], with each adapter's scale.</param>
    /// <param name="factor">[adapters, out] where one has magnitudes: see <see cref="LoraModule.Factor"/>.</param>
    private StackedModule(Tensor down, Tensor up, Tensor? factor) => (_down, _up, _factor) = (down, up, factor);

    /// <param name="modules">The layer in each adapter; null where it leaves it alone. At least one is there.</param>
    internal static StackedModule Create(ModelWeights weights, LoraModule?[] modules)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var rank = modules.Max(m => m?.Spec.Rank ?? 0);
        var any = modules.OfType<LoraModule>().First().Spec;
        var (down, up) = (new List<Tensor>(), new List<Tensor>());
        foreach (var module in modules)
        {
            down.Add(module is null ? Zeros(rank, any.In, weights) : Fill(module.A, rank - module.Spec.Rank, 0, weights));
            up.Add(module is null ? Zeros(any.Out, rank, weights) : Fill(module.B * module.Spec.Scale, rank - module.Spec.Rank, 1, weights));
        }

        var factor = modules.Any(m => m is { Spec.Dora: true })
            ? stack(modules.Select(m => m is { Spec.Dora: true } ? m.Factor(weights) : ones([any.Out], ScalarType.Float32, weights.Device))).to(weights.Compute).DetachFromDisposeScope()
            : null;
        return new StackedModule(Stacked(down), Stacked(up), factor);
    }

    /// <param name="weight">The layer's matrix [out, in].</param>
    /// <param name="bias">[out], or null.</param>
    /// <param name="x">[T, in].</param>
    /// <param name="groups">The adapter of each row.</param>
    internal Tensor Project(Tensor weight, Tensor? bias, Tensor x, RowGroups groups)
    {
        var added = groups.Scatter(groups.Gather(x).bmm(_down).bmm(_up));
        if (_factor is null)
            return nn.functional.linear(x, weight, bias) + added;
        var changed = (nn.functional.linear(x, weight) + added) * _factor.index_select(0, groups.Slots);
        return bias is null ? changed : changed + bias;
    }

    public void Dispose()
    {
        _down.Dispose();
        _up.Dispose();
        _factor?.Dispose();
    }

    private static Tensor Zeros(long rows, long columns, ModelWeights weights) => zeros([rows, columns], weights.Compute, weights.Device);

    private static Tensor Fill(Tensor factor, long missing, long dim, ModelWeights weights)
    {
        var own = factor.to(weights.Compute);
        if (missing == 0)
            return own;
        return cat([own, dim == 0 ? Zeros(missing, own.size(1), weights) : Zeros(own.size(0), missing, weights)], dim);
    }

    /// <summary>The transposes, as views of what was stacked.</summary>
    private static Tensor Stacked(List<Tensor> factors) => stack(factors).transpose(1, 2).DetachFromDisposeScope();
}
