using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>What a family may ask of attention.</summary>
/// <param name="Scale">Factor of the scores before the softmax.</param>
/// <param name="Window">A query sees itself and the Window - 1 tokens before it; null: all of them.</param>
/// <param name="SoftCap">A scaled score s becomes cap * tanh(s / cap).</param>
/// <param name="Alibi">Added to the scaled scores.</param>
public sealed record AttentionSpec(double Scale, int? Window = null, double? SoftCap = null, Alibi? Alibi = null)
{
    /// <summary>A query sees the tokens after it too.</summary>
    public bool Bidirectional { get; init; }
}

/// <summary>Where each row of a pass stands in its sequence, and hence what it may attend to.</summary>
public abstract class SequenceLayout : IDisposable
{
    /// <summary>Position of each row in its sequence, int64 [T].</summary>
    public required Tensor Positions { get; init; }

    /// <summary>Consecutive rows of one sequence, and how many tokens that sequence has, the rows included. In the order of the rows.</summary>
    public abstract IEnumerable<(int Rows, int Length)> Spans { get; }

    /// <summary>Attention within each sequence, causal unless the spec says otherwise.</summary>
    /// <param name="layer">Index of the layer, for caches.</param>
    /// <param name="query">[T, heads, dim]</param>
    /// <param name="key">[T, kv heads, dim]; query head h reads kv head h / (heads / kv heads).</param>
    /// <param name="value">[T, kv heads, dim]</param>
    /// <param name="spec">Scale and window.</param>
    /// <returns>[T, heads * dim]</returns>
    public abstract Tensor Attend(int layer, Tensor query, Tensor key, Tensor value, AttentionSpec spec);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
            Positions.Dispose();
    }
}
