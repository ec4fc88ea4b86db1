using FineTuneGrid.Models;
using FineTuneGrid.Models.Generation;
using FineTuneGrid.Models.Lora;

namespace FineTuneGrid.Trainer.Serving;

/// <summary>Sequences of any adapters: one batch for all that can share one, and one for each adapter that replaces parameters of the base.</summary>
internal sealed class DecodePool(CausalLm model) : IDisposable
{
    private readonly DecodeBatch _shared = new(model);
    private readonly Dictionary<LoraAdapter, DecodeBatch> _apart = [];

    public void Join(IReadOnlyList<Sequence> newcomers)
    {
        foreach (var group in newcomers.GroupBy(s => AdapterBank.Takes(s.Adapter) ? null : s.Adapter))
            BatchOf(group.Key).Join([.. group]);
    }

    /// <summary>One token of every sequence.</summary>
    public void Step()
    {
        _shared.Step();
        foreach (var (adapter, batch) in _apart.ToArray())
        {
            batch.Step();
            if (batch.Sequences.Count > 0) continue;
            _apart.Remove(adapter);
            batch.Dispose();
        }
    }

    public void Dispose()
    {
        _shared.Dispose();
        foreach (var batch in _apart.Values) batch.Dispose();
    }

    private DecodeBatch BatchOf(LoraAdapter? adapter)
    {
        if (adapter is null) return _shared;
        if (!_apart.TryGetValue(adapter, out var batch)) _apart.Add(adapter, batch = new DecodeBatch(model));
        return batch;
    }
}
