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
