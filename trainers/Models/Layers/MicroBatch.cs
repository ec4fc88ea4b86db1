using FineTuneGrid.Contracts;

namespace FineTuneGrid.Models.Layers;

/// <summary>
/// Sequences laid end to end. Positions restart and attention ends at each boundary, so that packing changes no result.
/// </summary>
public sealed class MicroBatch
{
    /// <summary>Marks a token whose prediction is not trained on.</summary>
    public const int Ignored = -100;

    /// <param name="tokens">Token ids [T], all sequences end to end.</param>
    /// <param name="lengths">Length of each sequence; they add up to T.</param>
    /// <param name="labels">
    /// For each token the id that the position before it should predict, or <see cref="Ignored"/>: aligned with the tokens, as in
    /// Hugging Face's data, not shifted. Null: every token is a label.
    /// </param>
    public MicroBatch(int[] tokens, int[] lengths, int[]? labels = null)
    {
        if (lengths.Any(l => l <= 0) || lengths.Sum(l => (long)l) != tokens.Length)
            throw new GridException(ErrorCodes.InvalidValue, $"The sequence lengths must be positive and add up to the {tokens.Length} tokens.", "lengths");
        if (labels is not null && labels.Length != tokens.Length)
            throw new GridException(ErrorCodes.InvalidValue, $"{labels.Length} labels were given for {tokens.Length} tokens.", "labels");
        Tokens = tokens;
        Lengths = lengths;
        (SupervisedRows, Targets) = Shift(labels ?? tokens, lengths);
    }

    public IReadOnlyList<int> Tokens { get; }

    public IReadOnlyList<int> Lengths { get; }

    /// <summary>Rows whose next token is a label, ascending.</summary>
    public IReadOnlyList<long> SupervisedRows { get; }

    /// <summary>The id to predict at each supervised row.</summary>
    public IReadOnlyList<long> Targets { get; }

    public static MicroBatch Of(params int[][] sequences) =>
        new([.. sequences.SelectMany(s => s)], [.. sequences.Select(s => s.Length)]);

    private static (long[] Rows, long[] Targets) Shift(int[] labels, int[] lengths)
    {
        var rows = new List<long>();
        var targets = new List<long>();
        var start = 0;
        foreach (var length in lengths)
        {
            for (var t = start + 1; t < start + length; t++)
            {
                if (labels[t] == Ignored)
                    continue;
                rows.Add(t - 1);
                targets.Add(labels[t]);
            }

            start += length;
        }

        return ([.. rows], [.. targets]);
    }
}
