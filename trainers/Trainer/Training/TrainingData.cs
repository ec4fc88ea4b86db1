using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Shards;
using FineTuneGrid.Storage;
using FineTuneGrid.Text;
using Packed = FineTuneGrid.Models.Layers.MicroBatch;
using Planned = FineTuneGrid.Shards.MicroBatch;

namespace FineTuneGrid.Trainer.Training;

/// <summary>
/// The micro-batches of each optimizer step: a pure function of the data, the spec and the cursor. Their content does not
/// depend on how many workers run them, nor on where a run was resumed.
/// </summary>
internal sealed class TrainingData : IDisposable
{
    private readonly TokenDataset _tokens;
    private readonly BatchPlanner _planner;
    private readonly ClassifierSpec? _classifier;

    private TrainingData(TokenDataset tokens, JobSpec spec, int microBatchTokens, ClassifierSpec? classifier)
    {
        (_tokens, _classifier) = (tokens, classifier);
        _planner = Planner(tokens.Lengths, spec, microBatchTokens);
        TotalSteps = StepsOf(_planner, spec);
    }

    public int TotalSteps { get; }

    /// <param name="classifier">Set where the examples are to be classified.</param>
    public static async Task<TrainingData> OpenAsync(IBlobStore store, TokenIndex index, JobSpec spec, int microBatchTokens, ClassifierSpec? classifier)
    {
        var tokens = await TokenDataset.OpenAsync(store, index);
        try
        {
            return new TrainingData(tokens, spec, microBatchTokens, classifier);
        }
        catch
        {
            tokens.Dispose();
            throw;
        }
    }

    public static BatchPlanner Planner(int[] lengths, JobSpec spec, int microBatchTokens) => new(
        lengths, spec.Optimizer.Seed,
        new BatchOptions(spec.Optimizer.BatchTokens, spec.Optimizer.BatchSize, microBatchTokens, spec.Data.Packing));

    public static int StepsOf(BatchPlanner planner, JobSpec spec) =>
        spec.Optimizer.MaxSteps ?? checked((int)planner.StepsOfEpochs(spec.Optimizer.Epochs ?? 1));

    /// <summary>The step that begins after this many samples.</summary>
    public StepBatch Next(long samplesConsumed)
    {
        var plan = _planner.Plan(samplesConsumed);
        return new StepBatch(
            [.. plan.MicroBatches.Select<Planned, Func<Packed>>(m => () => Gather(_tokens, m.Examples, _classifier))],
            plan.NextCursor, plan.Tokens, (double)plan.NextCursor / _planner.Examples);
    }

    /// <summary>Examples laid end to end; a pair is two sequences.</summary>
    public static Packed Gather(TokenDataset tokens, IReadOnlyList<int> examples, ClassifierSpec? classifier = null)
    {
        if (classifier is not null) return Classes(tokens, examples, classifier);
        var count = examples.Sum(e => tokens.Lengths[e]);
        var (ids, labels, lengths) = (new int[count], new int[count], new List<int>());
        var at = 0;
        foreach (var number in examples)
        {
            var example = tokens[number];
            example.Ids.CopyTo(ids.AsSpan(at));
            example.Labels.CopyTo(labels.AsSpan(at));
            lengths.AddRange(TrainingExample.Lengths(example.Labels));
            at += example.Ids.Length;
        }
        return new Packed(ids, [.. lengths], labels);
    }

    /// <summary>The same where each example is of a class, which stands at its first token.</summary>
    private static Packed Classes(TokenDataset tokens, IReadOnlyList<int> examples, ClassifierSpec classifier)
    {
        var count = examples.Sum(e => tokens.Lengths[e]);
        var (ids, types, classes) = (new int[count], new int[count], new long[examples.Count]);
        var at = 0;
        for (var i = 0; i < examples.Count; i++)
        {
            var example = tokens[examples[i]];
            example.Ids.CopyTo(ids.AsSpan(at));
            classes[i] = example.Labels[0];
            foreach (var label in example.Labels) types[at++] = label == TrainingExample.SecondSegment ? 1 : 0;
        }
        return Packed.OfClasses(ids, [.. examples.Select(e => tokens.Lengths[e])], classes, classifier.FirstToken, types);
    }

    /// <summary>Every example once, in its own order, for evaluation.</summary>
    public static IEnumerable<Packed> All(TokenDataset tokens, int microBatchTokens, ClassifierSpec? classifier = null)
    {
        for (var start = 0; start < tokens.Count;)
        {
            var (end, sum) = (start + 1, (long)tokens.Lengths[start]);
            while (end < tokens.Count && sum + tokens.Lengths[end] <= microBatchTokens) sum += tokens.Lengths[end++];
            yield return Gather(tokens, [.. Enumerable.Range(start, end - start)], classifier);
            start = end;
        }
    }

    public void Dispose() => _tokens.Dispose();
}

/// <param name="MicroBatches">In canonical order; made one at a time.</param>
/// <param name="SamplesConsumed">The cursor after the step.</param>
/// <param name="Tokens">Supervised and context tokens; there is no padding.</param>
/// <param name="Epoch">Passes over the data after the step.</param>
internal sealed record StepBatch(IReadOnlyList<Func<Packed>> MicroBatches, long SamplesConsumed, long Tokens, double Epoch);
