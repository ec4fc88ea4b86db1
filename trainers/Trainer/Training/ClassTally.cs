using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Trainer.Training;

/// <summary>What a classifier got right and wrong. Pure counting.</summary>
/// <param name="classes">Number of classes.</param>
internal sealed class ClassTally(int classes)
{
    private readonly long[] _is = new long[classes];
    private readonly long[] _named = new long[classes];
    private readonly long[] _hits = new long[classes];
    private double _loss;

    public long Count { get; private set; }

    /// <summary>Mean loss, in nats.</summary>
    public double Loss => _loss / Math.Max(1, Count);

    /// <param name="logProbs">Of each class.</param>
    /// <param name="actual">The example's own.</param>
    public void Add(double[] logProbs, int actual)
    {
        var named = Array.IndexOf(logProbs, logProbs.Max());
        Count++;
        _loss -= logProbs[actual];
        _is[actual]++;
        _named[named]++;
        if (named == actual) _hits[actual]++;
    }

    public ClassScores Scores()
    {
        // F1 = 2 hits / (examples of the class + times it was named), over the classes that occur in either way.
        var f1 = Enumerable.Range(0, classes).Where(c => _is[c] + _named[c] > 0).Select(c => 2.0 * _hits[c] / (_is[c] + _named[c])).ToList();
        return new ClassScores((double)_hits.Sum() / Math.Max(1, Count), f1.Count == 0 ? 0 : f1.Average());
    }
}
