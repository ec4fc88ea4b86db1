using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Lora;
using static TorchSharp.torch;

namespace FineTuneGrid.Models;

/// <summary>
/// Bytes that a training session needs at its peak, worked out from the config. Weights and state are exact. The activations count what
/// the parts of the architecture say they keep for the backward, the inputs of trained linear layers, and the most that is there for a
/// moment beside it: within a layer, in the head, or in the optimizer.
/// </summary>
/// <param name="Weights">The base model, shared by all adapters.</param>
/// <param name="State">Trained parameters, two buffers of their gradients, and two moments.</param>
/// <param name="Activations">Of one micro-batch, head included.</param>
public sealed record MemoryEstimate(long Weights, long State, long Activations)
{
    private const int Fp32 = 4;

    public long Total => Weights + State + Activations;

    public static MemoryEstimate Of(MemoryShape shape)
    {
        var architecture = shape.Architecture;
        var weights = architecture.StoredParameters.Sum(p => p.Count * (p.Norm ? Fp32 : shape.Width));
        if (shape.Quantized)
            weights += shape.Matrices.Sum(n => Loading.Nf4Matrix.BytesFor(n) - n * shape.Width);
        // In full-parameter training the weights are the trained parameters themselves.
        var buffers = (shape.Plan is null ? 4 : 5) + (shape.RatesApart ? 1 : 0);
        // Under AdamW's root is a second copy of a moment, and where rates differ a third.
        var step = shape.TrainedCount * Fp32 * (shape.RatesApart ? 2 : 1);
        return new MemoryEstimate(weights, shape.TrainedCount * Fp32 * buffers, (long)Math.Max(step, Peak(shape)));
    }

    /// <summary>In forward and backward of a micro-batch.</summary>
    private static double Peak(MemoryShape shape)
    {
        var layers = shape.Architecture.LayerCount;
        var kept = shape.Tokens * (KeptPerToken(shape) + layers * KeptScores(shape));
        var passing = Passing(shape);
        if (shape.Recompute)
        {
            // Of each layer its input, and what one of them keeps at a time.
            passing += kept / layers;
            kept = shape.Tokens * shape.Architecture.HiddenSize * (double)shape.Width * (layers + 1);
        }

        return kept + Math.Max(passing, Head(shape));
    }

    /// <summary>From forward to backward, all layers together, beside scores.</summary>
    private static double KeptPerToken(MemoryShape shape)
    {
        var parts = shape.Architecture.Kept;
        var bytes = parts.Narrow * shape.Width + parts.Wide * Fp32 + (shape.Plan is null ? parts.Trained * Fp32 : 0) + Inputs(shape) * shape.Width;
        // The input of each layer is what its first norm keeps, unless that makes a wider copy.
        return shape.Width == Fp32 ? bytes : bytes + (double)shape.Architecture.HiddenSize * shape.Architecture.LayerCount * shape.Width;
    }

    /// <summary>What linear layers keep of one token: elements of x where something that multiplies it is trained, and what adapters add.</summary>
    private static double Inputs(MemoryShape shape)
    {
        var (elements, shared) = (0.0, false);
        foreach (var linear in shape.Architecture.Linears)
        {
            shared &= linear.SharesInput;
            var module = shape.Module(linear);
            if (shape.Plan is not null && module is null)
                continue;
            var dropout = shape.Plan?.Spec.Dropout > 0;
            // A mask and what it leaves are the module's own; DoRA's base part masks once more.
            elements += linear.Share * (dropout ? linear.In * (module!.Dora ? 3 : 2) : shared ? 0 : linear.In);
            shared = true;
            if (module is not null)
                elements += linear.Share * (module.Rank + (module.Dora ? linear.Out : 0));
        }

        return elements;
    }

    /// <summary>Attention weights of one token in one layer: in fp32 from the softmax, and in the pass's dtype for the product.</summary>
    private static double KeptScores(MemoryShape shape) =>
        ScoresPerToken(shape) * (Fp32 + (shape.Width < Fp32 ? shape.Width : 0) + (double)Fp32 * shape.Architecture.Kept.Scores / shape.Architecture.LayerCount);

    private static double ScoresPerToken(MemoryShape shape) => (double)shape.Architecture.HeadCount * Math.Min(shape.Longest, shape.Tokens);

    /// <summary>
    /// While one layer runs: scores before the softmax, squares and products of its norms, queries and keys on their way through the
    /// rotation, what linear layers give before the adapter's part is added, and 4-bit weights made whole.
    /// </summary>
    private static double Passing(MemoryShape shape)
    {
        var architecture = shape.Architecture;
        double layers = architecture.LayerCount, queries = (double)architecture.HeadCount * architecture.HeadDim, keys = (double)architecture.KeyValueHeads * architecture.HeadDim;
        var narrow = 2 * queries + (architecture.Rotary is null ? 0 : 4 * queries + 3 * keys) + 2 * architecture.HiddenSize
            + architecture.Linears.Where(l => shape.Module(l) is not null).Sum(l => l.Out * l.Share) / layers;
        var scores = ScoresPerToken(shape) * (2 * Fp32 + (shape.Width < Fp32 ? shape.Width : 0) + (architecture.Kept.Scores > 0 ? 2 * Fp32 : 0));
        var bytes = shape.Tokens * (narrow * shape.Width + architecture.Kept.Wide / layers * Fp32 + scores);
        if (shape.Plan is null)
            bytes += architecture.ParameterCount / layers * Fp32;
        // Of the largest matrix in the making: the two weights' indices of each byte, and both values in fp32.
        return bytes + (shape.Quantized ? shape.Matrices.Sum() / layers * shape.Width + shape.Matrices.Max() * (2.0 + 4 + (shape.Width < Fp32 ? 4 : 0)) : 0);
    }

    /// <summary>A chunk of logits with what its gradient is made of, the rows and their gradient.</summary>
    private static double Head(MemoryShape shape)
    {
        var (architecture, head) = (shape.Architecture, shape.Architecture.Head);
        var outputs = (long)(architecture.Classifier?.Labels.Count ?? architecture.VocabSize);
        var rows = Math.Min(shape.Tokens, LossHead.ChunkRows(outputs));
        var copies = 3.0 + (head.Scale != 1 ? 2 : 0) + (head.SoftCap is null ? 0 : 7) + (shape.Pairs ? 1 : 0) + (shape.Width < Fp32 ? 1 : 0);
        var bytes = rows * (double)outputs * Fp32 * copies + 2.0 * shape.Tokens * architecture.HiddenSize * shape.Width;
        return shape.Plan is null ? bytes + (double)outputs * architecture.HiddenSize * Fp32 : bytes;
    }
}

/// <summary>What a job's memory depends on.</summary>
/// <param name="Architecture">From the config alone.</param>
/// <param name="Plan">The adapter; null for full-parameter training.</param>
/// <param name="Compute">Float32 or BFloat16.</param>
/// <param name="Tokens">Of a micro-batch.</param>
/// <param name="Longest">Of them in one sequence, at most.</param>
/// <param name="Recompute">See <see cref="TrainingPass"/>.</param>
/// <param name="Quantized">The linear layers are in 4-bit NormalFloat; those of one layer are whole at a time.</param>
/// <param name="RatesApart">LoRA+.</param>
/// <param name="Pairs">Preferences are trained on: rows of the head have weights.</param>
public sealed record MemoryShape(
    Architecture Architecture, LoraPlan? Plan, ScalarType Compute, long Tokens, long Longest, bool Recompute = false, bool Quantized = false, bool RatesApart = false, bool Pairs = false)
{
    private readonly Dictionary<string, LoraModuleSpec> _modules = Plan?.Modules.ToDictionary(m => m.Name, StringComparer.Ordinal) ?? [];

    /// <summary>Bytes of an element of the pass's dtype.</summary>
    internal long Width { get; } = Compute == ScalarType.Float32 ? 4 : 2;

    internal long TrainedCount { get; } = Plan?.ParameterCount ?? Architecture.ParameterCount;

    /// <summary>Weights of each linear layer.</summary>
    internal IReadOnlyList<long> Matrices { get; } = [.. Architecture.Linears.Select(l => (long)l.In * l.Out)];

    internal LoraModuleSpec? Module(LinearSpec linear) => _modules.GetValueOrDefault(linear.Name);
}
