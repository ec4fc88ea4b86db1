using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Lora;
using static TorchSharp.torch;

namespace FineTuneGrid.Models;

/// <summary>
/// Bytes that a training session needs at its peak, worked out from the config. The weights and the state are exact; the
/// activations count what the reference path keeps for its backward, about a fifth above what was measured.
/// </summary>
/// <param name="Weights">The base model, shared by all adapters.</param>
/// <param name="State">Trained parameters, their gradients, two moments and the optimizer's scratch.</param>
/// <param name="Activations">Of one micro-batch, head included.</param>
public sealed record MemoryEstimate(long Weights, long State, long Activations)
{
    /// <summary>Copies of a chunk of logits alive at once.</summary>
    private const int HeadCopies = 5;

    public long Total => Weights + State + Activations;

    /// <param name="architecture">From the config alone.</param>
    /// <param name="plan">The adapter; null for full-parameter training.</param>
    /// <param name="compute">Float32 or BFloat16.</param>
    /// <param name="microBatchTokens">Tokens of a micro-batch.</param>
    /// <param name="longestSequence">Of them in one sequence, at most.</param>
    /// <param name="recompute">See <see cref="TrainingPass"/>.</param>
    /// <param name="quantized">The linear layers are in 4-bit NormalFloat; those of one layer are whole at a time.</param>
    public static MemoryEstimate Of(
        Architecture architecture, LoraPlan? plan, ScalarType compute, long microBatchTokens, long longestSequence, bool recompute = false, bool quantized = false)
    {
        long width = compute == ScalarType.Float32 ? 4 : 2;
        var weights = architecture.Parameters.Sum(p => p.Count * (p.Norm ? 4 : width));
        var matrices = architecture.Linears.Select(l => (long)l.In * l.Out).ToList();
        if (quantized)
            weights += matrices.Sum(n => Loading.Nf4Matrix.BytesFor(n) - n * width);
        var trained = plan?.ParameterCount ?? architecture.ParameterCount;
        // In full-parameter training the weights are the trained parameters themselves.
        var state = trained * 4 * (plan is null ? 5 : 6);
        var elements = architecture.Linears.Sum(l => (long)((l.In + 2.0 * l.Out) * l.Share)) + architecture.OtherActivations;
        var perToken = elements * width / architecture.LayerCount;
        var attention = architecture.HeadCount * Math.Min(longestSequence, microBatchTokens) * (width == 4 ? 4 : 6);
        var layer = microBatchTokens * (perToken + attention);
        var hidden = microBatchTokens * architecture.HiddenSize * width;
        var layers = recompute ? layer + hidden * (architecture.LayerCount + 1) : layer * architecture.LayerCount;
        var head = Math.Min(microBatchTokens * architecture.VocabSize, Layers.LossHead.ChunkElements) * 4 * HeadCopies + 2 * hidden;
        // Besides the layer's own, the largest in the making: two weights' indices and both values in fp32, per byte of codes.
        var whole = quantized ? matrices.Sum() / architecture.LayerCount * width + matrices.Max() * (2 + 4 + 4) : 0;
        return new MemoryEstimate(weights, state, layers + head + whole);
    }
}
