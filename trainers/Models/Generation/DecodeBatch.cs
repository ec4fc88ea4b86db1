using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Lora;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Generation;

/// <summary>
/// Sequences that grow together, a token of each in one pass over the base, whichever adapters they have. They join and leave between
/// tokens (iteration-level scheduling, Yu et al. 2022, section 3). Not safe for concurrent use.
/// </summary>
public sealed class DecodeBatch(CausalLm model) : IDisposable
{
    private const int FewestColumns = 64;

    private readonly List<Sequence> _rows = [];
    private KeyValueCache? _cache;
    private AdapterBank? _bank;

    /// <summary>Those that another token is to follow.</summary>
    public IReadOnlyList<Sequence> Sequences => _rows;

    /// <summary>Runs the newcomers' prompts and takes the first token of each.</summary>
    /// <param name="newcomers">
    /// Checked by <see cref="PromptCheck"/>. Where their adapters, or those of the sequences that are here, differ, <see cref="AdapterBank.Takes"/>
    /// must hold for all of them.
    /// </param>
    public void Join(IReadOnlyList<Sequence> newcomers)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        foreach (var group in newcomers.Where(s => s.Alive).GroupBy(s => s.Adapter))
            Begin([.. group], group.Key);
    }

    /// <summary>Takes one token of each sequence; those that end with it leave.</summary>
    public void Step()
    {
        Leave();
        if (_rows.Count == 0)
            return;
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        Reserve(_rows.Count, _rows.Max(s => s.Position) + 1);
        var logits = Decode();
        for (var row = 0; row < _rows.Count; row++)
        {
            // Where a sequence's length decides its rotations, cached keys go stale when it grows.
            if (model.Architecture.Rotary?.Changes(_rows[row].Position, _rows[row].Position + 1) == true)
                logits[row] = Again(row);
        }

        for (var row = 0; row < _rows.Count; row++)
            _rows[row].Take(logits[row], model.Architecture.ContextLength);
        Leave();
    }

    public void Dispose()
    {
        _cache?.Dispose();
        _bank?.Dispose();
    }

    private void Begin(Sequence[] sequences, LoraAdapter? adapter)
    {
        // Several continuations of one prompt share its pass.
        int[][] prompts = [.. sequences.Select(s => s.Ids).Distinct()];
        using var fresh = new KeyValueCache(model.Architecture.LayerCount, prompts.Length, prompts.Max(p => p.Length));
        var logits = Prefill(prompts, fresh, adapter);
        foreach (var sequence in sequences)
        {
            var prompt = Array.IndexOf(prompts, sequence.Ids);
            sequence.Take(logits[prompt], model.Architecture.ContextLength);
            if (!sequence.Alive)
                continue;
            Reserve(_rows.Count + 1, sequence.Ids.Length + 1);
            _cache!.Take(fresh, prompt, _rows.Count, sequence.Ids.Length);
            _rows.Add(sequence);
        }
    }

    private float[][] Prefill(int[][] prompts, KeyValueCache cache, LoraAdapter? adapter)
    {
        using var scope = NewDisposeScope();
        int[] lengths = [.. prompts.Select(p => p.Length)];
        using var layout = PackedLayout.Create(lengths, model.Weights.Device, cache);
        using var pass = new ForwardPass(model.Weights, layout, adapter);
        long[] ends = new long[lengths.Length];
        for (var i = 0; i < ends.Length; i++)
            ends[i] = (i == 0 ? -1 : ends[i - 1]) + lengths[i];
        return Logits(pass, adapter, [.. prompts.SelectMany(p => p.Select(t => (long)t))], ends);
    }

    private float[][] Decode()
    {
        using var scope = NewDisposeScope();
        using var layout = DecodeLayout.Create(_cache!, [.. _rows.Select(s => s.Position)], model.Weights.Device);
        LoraAdapter?[] adapters = [.. _rows.Select(s => s.Adapter)];
        var first = adapters[0];
        var same = adapters.All(a => a == first);
        using var pass = same ? new ForwardPass(model.Weights, layout, first) : new ForwardPass(model.Weights, layout, BankOf(adapters), adapters);
        return Logits(pass, same ? first : null, [.. _rows.Select(s => (long)s.Last)], null);
    }

    /// <summary>The whole sequence once more; replaces what is cached of it.</summary>
    private float[] Again(int row)
    {
        var everything = _rows[row].Everything;
        using var fresh = new KeyValueCache(model.Architecture.LayerCount, 1, everything.Length);
        var logits = Prefill([everything], fresh, _rows[row].Adapter);
        _cache!.Take(fresh, 0, row, everything.Length);
        return logits[0];
    }

    private float[][] Logits(ForwardPass pass, LoraAdapter? adapter, long[] tokens, long[]? rows)
    {
        var hidden = model.Hidden(pass, tensor(tokens).to(model.Weights.Device));
        if (rows is not null)
            hidden = hidden.index_select(0, tensor(rows).to(model.Weights.Device));
        var logits = model.HeadLogits(hidden, adapter).cpu().contiguous();
        var width = (int)logits.size(1);
        return [.. logits.data<float>().ToArray().Chunk(width)];
    }

    private AdapterBank BankOf(LoraAdapter?[] adapters)
    {
        LoraAdapter?[] distinct = [.. adapters.Distinct()];
        // One that holds some more is kept: adapters come and go, and stacking copies them.
        if (_bank is null || !_bank.Holds(distinct) || _bank.Count > 2 * distinct.Length)
        {
            _bank?.Dispose();
            _bank = AdapterBank.Create(model.Weights, distinct);
        }

        return _bank;
    }

    /// <summary>Those that have ended go; the last row moves to the place of each.</summary>
    private void Leave()
    {
        for (var row = _rows.Count - 1; row >= 0; row--)
        {
            if (_rows[row].Alive)
                continue;
            var last = _rows.Count - 1;
            if (row < last)
            {
                using var scope = NewDisposeScope();
                using var quiet = no_grad();
                _cache!.Move(last, row, _rows[last].Position);
                _rows[row] = _rows[last];
            }

            _rows.RemoveAt(last);
        }

        if (_rows.Count > 0)
            return;
        _cache?.Dispose();
        _cache = null;
    }

    /// <summary>Grows by doubling, so that few tokens copy the cache.</summary>
    private void Reserve(int rows, int columns)
    {
        _cache ??= new KeyValueCache(model.Architecture.LayerCount, rows, 0);
        var (batch, capacity) = (_cache.Batch, _cache.Capacity);
        if (rows <= batch && columns <= capacity)
            return;
        var most = model.Architecture.ContextLength;
        _cache.Resize(rows <= batch ? batch : Math.Max(rows, 2 * batch),
            columns <= capacity ? capacity : Math.Max(columns, Math.Min(most, Math.Max(FewestColumns, 2 * capacity))));
    }
}
