namespace FineTuneGrid.Text;

/// <summary>
/// One example ready to train on. Labels stand at the positions of their ids (the trainer shifts them); <see cref="Masked"/> where
/// the model is not to learn.
/// </summary>
public sealed record TrainingExample(int[] Ids, int[] Labels)
{
    public const int Masked = -100;

    public int Supervised => Labels.Count(label => label != Masked);
}
