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
        CheckLengths(tokens, lengths);
        if (labels is not null && labels.Length != tokens.Length)
            throw new GridException(ErrorCodes.InvalidValue, $"{labels.Length} labels were given for {tokens.Length} tokens.", "labels");
        Tokens = tokens;
        Lengths = lengths;
        (SupervisedRows, Targets) = Shift(labels ?? tokens, lengths);
    }

    private MicroBatch(int[] tokens, int[] lengths, long[] rows, long[] targets)
    {
        CheckLengths(tokens, lengths);
        (Tokens, Lengths, SupervisedRows, Targets) = (tokens, lengths, rows, targets);
    }

    public IReadOnlyList<int> Tokens { get; }

    public IReadOnlyList<int> Lengths { get; }

    /// <summary>Segment of each token [T]; null: all of the first kind.</summary>
    public IReadOnlyList<int>? TokenTypes { get; private init; }

    /// <summary>Rows whose next token is a label, ascending; or the row of each sequence that its class is told from.</summary>
    public IReadOnlyList<long> SupervisedRows { get; }

    /// <summary>The id to predict at each supervised row, of a token or of a class.</summary>
    public IReadOnlyList<long> Targets { get; }

    public static MicroBatch Of(params int[][] sequences) =>
        new([.. sequences.SelectMany(s => s)], [.. sequences.Select(s => s.Length)]);

    /// <summary>Sequences to classify.</summary>
    /// <param name="classes">Class of each sequence.</param>
    /// <param name="fromFirst">The class is told from a sequence's first token; else from its last.</param>
    /// <param name="types">See <see cref="TokenTypes"/>.</param>
    public static MicroBatch OfClasses(int[] tokens, int[] lengths, long[] classes, bool fromFirst, int[]? types = null)
    {
        if (classes.Length != lengths.Length)
            throw new GridException(ErrorCodes.InvalidValue, $"{classes.Length} classes were given for {lengths.Length} sequences.", "labels");
        if (types is not null && types.Length != tokens.Length)
            throw new GridException(ErrorCodes.InvalidValue, $"{types.Length} token types were given for {tokens.Length} tokens.", "token_type_ids");
        var rows = new long[lengths.Length];
        long start = 0;
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] = fromFirst ? start : start + lengths[i] - 1;
            start += lengths[i];
        }

        return new MicroBatch(tokens, lengths, rows, classes) { TokenTypes = types };
    }

    private static void CheckLengths(int[] tokens, int[] lengths)
    {
        if (lengths.Any(l => l <= 0) || lengths.Sum(l => (long)l) != tokens.Length)
            throw new GridException(ErrorCodes.InvalidValue, $"The sequence lengths must be positive and add up to the {tokens.Length} tokens.", "lengths");
    }

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
