namespace FineTuneGrid.Text;

/// <summary>
/// One example ready to train on. Labels stand at the positions of their ids (the trainer shifts them); <see cref="Masked"/> where
/// the model is not to learn.
/// </summary>
public sealed record TrainingExample(int[] Ids, int[] Labels)
{
    public const int Masked = -100;

    /// <summary>
    /// Stands at the first token of the second of two sequences that make one example, chosen and rejected. Nothing precedes that token, so
    /// it is never to be learnt.
    /// </summary>
    public const int Second = -101;

    /// <summary>Stands at the tokens of the second segment where a text, or a pair of them, is to be classified.</summary>
    public const int SecondSegment = -102;

    /// <summary>A text, or a pair of them, of a class. Its label is the class, which stands at the first token whichever one it is told from.</summary>
    /// <param name="types">Segment of each token, 0 or 1.</param>
    public static TrainingExample OfClass(int[] ids, int[] types, int label) =>
        new(ids, [label, .. types.Skip(1).Select(t => t == 0 ? Masked : SecondSegment)]);

    /// <summary>A pair as one example.</summary>
    public static TrainingExample Pair(TrainingExample chosen, TrainingExample rejected) =>
        new([.. chosen.Ids, .. rejected.Ids], [.. chosen.Labels, Second, .. rejected.Labels.Skip(1)]);

    /// <summary>Tokens of each sequence, one or two.</summary>
    public static int[] Lengths(ReadOnlySpan<int> labels)
    {
        var at = labels.IndexOf(Second);
        return at < 0 ? [labels.Length] : [at, labels.Length - at];
    }

    public int Supervised => Labels.Count(label => label >= 0);
}
