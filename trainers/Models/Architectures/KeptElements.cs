namespace FineTuneGrid.Models.Architectures;

/// <summary>Elements that one token leaves for the backward in parts that are no linear layers.</summary>
/// <param name="Narrow">In the pass's dtype.</param>
/// <param name="Wide">In fp32 always.</param>
/// <param name="Trained">In fp32, where the model's own parameters are trained.</param>
/// <param name="Scores">Attention scores beside the weights that come of them: tensors of all heads' scores, in fp32.</param>
public readonly record struct KeptElements(double Narrow = 0, double Wide = 0, double Trained = 0, int Scores = 0)
{
    public static KeptElements operator +(KeptElements a, KeptElements b) =>
        new(a.Narrow + b.Narrow, a.Wide + b.Wide, a.Trained + b.Trained, a.Scores + b.Scores);

    /// <summary>Of a norm over so many elements: what it norms, in fp32, and of an RMS norm what its factor multiplies.</summary>
    internal static KeptElements Norm(int size, bool rms) => new(Wide: rms ? 2 * size : size);

    /// <summary>Queries, keys and values as they are attended with.</summary>
    internal static KeptElements Heads(Layers.HeadShape heads) => new(Narrow: heads.QueryWidth + 2 * heads.KeyWidth);
}
