using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Trainer.Data;

/// <summary>
/// Cuts the order of samples into optimizer steps and canonical micro-batches: a function of the examples' lengths and the
/// spec. Needs neither tensors nor the tokens themselves.
/// </summary>
internal sealed class StepPlanner
{
    private readonly IReadOnlyList<int> _lengths;
    private readonly OptimizerSpec _optimizer;
    private readonly bool _packing;
    private readonly int _microBatchTokens;
    private readonly SampleOrder _order;
    private readonly long _samples;

    public StepPlanner(IReadOnlyList<int> lengths, JobSpec spec, int microBatchTokens)
    {
        (_lengths, _optimizer, _packing, _microBatchTokens) = (lengths, spec.Optimizer, spec.Data.Packing, microBatchTokens);
        _order = new SampleOrder(spec.Optimizer.Seed, lengths.Count);
        _samples = spec.Optimizer.Epochs is { } epochs ? checked(epochs * (long)lengths.Count) : long.MaxValue;
        TotalSteps = spec.Optimizer.MaxSteps ?? CountSteps();
    }

    public int TotalSteps { get; }

    /// <param name="MicroBatches">Numbers of examples.</param>
    internal sealed record Plan(IReadOnlyList<IReadOnlyList<int>> MicroBatches, long SamplesConsumed, long Tokens, double Epoch);

    /// <summary>The step that begins after so many samples.</summary>
    public Plan Next(long samplesConsumed)
    {
        var (count, tokens) = Extent(samplesConsumed);
        var microBatches = new List<IReadOnlyList<int>>();
        var open = new List<int>();
        var openTokens = 0L;
        for (var i = 0; i < count; i++)
        {
            var example = (int)_order.ExampleOf(samplesConsumed + i);
            if (open.Count > 0 && (!_packing || openTokens + _lengths[example] > _microBatchTokens))
            {
                microBatches.Add(open);
                (open, openTokens) = ([], 0);
            }
            open.Add(example);
            openTokens += _lengths[example];
        }
        microBatches.Add(open);
        var consumed = samplesConsumed + count;
        return new Plan(microBatches, consumed, tokens, (double)consumed / _lengths.Count);
    }

    /// <summary>All examples once, in their own order, for evaluation.</summary>
    public static IEnumerable<IReadOnlyList<int>> InOrder(IReadOnlyList<int> lengths, int microBatchTokens)
    {
        var (open, openTokens) = (new List<int>(), 0L);
        for (var i = 0; i < lengths.Count; i++)
        {
            if (open.Count > 0 && openTokens + lengths[i] > microBatchTokens)
            {
                yield return open;
                (open, openTokens) = ([], 0);
            }
            open.Add(i);
            openTokens += lengths[i];
        }
        if (open.Count > 0) yield return open;
    }

    /// <summary>Samples and tokens of a step: at least one sample, and no more than the run has left.</summary>
    private (int Count, long Tokens) Extent(long from)
    {
        var left = _samples - from;
        var (count, tokens) = (0, 0L);
        while (count < left)
        {
            var length = _lengths[(int)_order.ExampleOf(from + count)];
            if (_optimizer.BatchTokens is { } limit ? count > 0 && tokens + length > limit : count >= _optimizer.BatchSize) break;
            (count, tokens) = (count + 1, tokens + length);
        }
        return (count, tokens);
    }

    private int CountSteps()
    {
        if (_optimizer.BatchSize is { } size) return checked((int)((_samples + size - 1) / size));
        var steps = 0;
        for (var at = 0L; at < _samples; steps = checked(steps + 1)) at += Extent(at).Count;
        return steps;
    }
}
