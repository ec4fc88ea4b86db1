using FineTuneGrid.Contracts;

namespace FineTuneGrid.Shards;

/// <summary>How examples are gathered. Exactly one of <paramref name="BatchTokens"/> and <paramref name="BatchSize"/> is set.</summary>
/// <param name="BatchTokens">Tokens of an optimizer step, at most (one example is always taken).</param>
/// <param name="BatchSize">Examples of an optimizer step.</param>
/// <param name="MicroBatchTokens">Tokens of a micro-batch, at most; without packing, padding counts.</param>
/// <param name="Packing">Whether a micro-batch is one row of examples end to end, or one padded row an example.</param>
public sealed record BatchOptions(int? BatchTokens, int? BatchSize, int MicroBatchTokens, bool Packing);

/// <summary>The work of one optimizer step.</summary>
/// <param name="Cursor">Samples consumed before it.</param>
/// <param name="NextCursor">Samples consumed after it.</param>
/// <param name="MicroBatches">Canonical micro-batches: their content does not depend on how many workers share them.</param>
public sealed record StepPlan(long Cursor, long NextCursor, long Epoch, IReadOnlyList<MicroBatch> MicroBatches)
{
    public long Tokens => MicroBatches.Sum(m => m.Tokens);
}

/// <param name="Index">Its place in the step: gradients are summed in this order.</param>
/// <param name="Examples">Example numbers in order.</param>
/// <param name="Tokens">Tokens without padding.</param>
public sealed record MicroBatch(int Index, int[] Examples, long Tokens);

/// <summary>
/// Slices the data order into optimizer steps and micro-batches: a pure function of the cursor, so a resumed job goes on
/// exactly where it was. A step never crosses the end of an epoch.
/// </summary>
public sealed class BatchPlanner
{
    private readonly int[] _lengths;
    private readonly DataOrder _order;
    private readonly BatchOptions _options;

    /// <param name="lengths">Tokens of each example.</param>
    /// <exception cref="GridException"><c>empty_dataset</c>, or <c>invalid_spec</c> for sizes that cannot be.</exception>
    public BatchPlanner(int[] lengths, long seed, BatchOptions options)
    {
        if (lengths.Length == 0)
            throw new GridException(ErrorCodes.EmptyDataset, "The training data has no examples.", "data.train");
        if (options.BatchTokens is null == options.BatchSize is null)
            throw new GridException(ErrorCodes.InvalidSpec, "Set exactly one of optimizer.batch_tokens and optimizer.batch_size.", "optimizer.batch_tokens");
        if (options.BatchTokens < 1 || options.BatchSize < 1)
            throw new GridException(ErrorCodes.InvalidSpec, "A batch must hold at least 1.", options.BatchSize < 1 ? "optimizer.batch_size" : "optimizer.batch_tokens");
        if (options.MicroBatchTokens < 1)
            throw new GridException(ErrorCodes.InvalidSpec, "optimizer.micro_batch_tokens must be at least 1.", "optimizer.micro_batch_tokens");
        _lengths = lengths;
        _order = new DataOrder(seed, lengths.Length);
        _options = options;
    }

    public int Examples => _lengths.Length;

    /// <summary>The step that starts after a number of samples consumed.</summary>
    public StepPlan Plan(long cursor)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(cursor);
        var (epoch, start) = Math.DivRem(cursor, _lengths.Length);
        var end = StepEnd(epoch, (int)start);
        var examples = new int[end - (int)start];
        for (var i = 0; i < examples.Length; i++)
            examples[i] = _order.At(epoch, (int)start + i);
        return new StepPlan(cursor, (epoch * _lengths.Length) + end, epoch, MicroBatches(examples));
    }

    /// <summary>Optimizer steps of whole epochs: exact, since every epoch's order is known.</summary>
    public long StepsOfEpochs(int epochs)
    {
        if (_options.BatchSize is { } size)
            return ((_lengths.Length + (long)size - 1) / size) * epochs;
        var steps = 0L;
        for (var epoch = 0L; epoch < epochs; epoch++)
        {
            for (var at = 0; at < _lengths.Length; at = StepEnd(epoch, at))
                steps++;
        }
        return steps;
    }

    /// <summary>The cursor after a number of steps from the start.</summary>
    public long CursorAfter(long steps)
    {
        var cursor = 0L;
        for (var step = 0L; step < steps; step++)
        {
            var (epoch, start) = Math.DivRem(cursor, _lengths.Length);
            cursor = (epoch * _lengths.Length) + StepEnd(epoch, (int)start);
        }
        return cursor;
    }

    private int StepEnd(long epoch, int start)
    {
        if (_options.BatchSize is { } size)
            return (int)Math.Min(_lengths.Length, (long)start + size);
        var tokens = (long)_lengths[_order.At(epoch, start)];
        var end = start + 1;
        while (end < _lengths.Length && tokens + _lengths[_order.At(epoch, end)] <= _options.BatchTokens!.Value)
            tokens += _lengths[_order.At(epoch, end++)];
        return end;
    }

    private List<MicroBatch> MicroBatches(int[] examples)
    {
        List<MicroBatch> batches = [];
        for (var start = 0; start < examples.Length;)
        {
            var tokens = (long)_lengths[examples[start]];
            var longest = tokens;
            var end = start + 1;
            while (end < examples.Length && Fits(end - start + 1, tokens + _lengths[examples[end]], Math.Max(longest, _lengths[examples[end]])))
            {
                tokens += _lengths[examples[end]];
                longest = Math.Max(longest, _lengths[examples[end++]]);
            }
            batches.Add(new MicroBatch(batches.Count, examples[start..end], tokens));
            start = end;
        }
        return batches;
    }

    private bool Fits(int count, long tokens, long longest) => (_options.Packing ? tokens : count * longest) <= _options.MicroBatchTokens;
}
