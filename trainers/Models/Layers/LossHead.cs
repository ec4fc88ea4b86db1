using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>
/// Head and cross-entropy over supervised rows only, in chunks of rows, with the gradient finished in the forward: the logits
/// of a chunk are the only ones in memory, and no graph is kept for them. An adapter that trains the head whole brings its own.
/// </summary>
public sealed class LossHead(HeadSpec spec, ModelWeights model)
{
    /// <summary>Logits of a chunk: at most this many, 64 MB in fp32. A constant, since it shapes the order of sums.</summary>
    private const long ChunkElements = 16L << 20;

    /// <summary>Rows of a chunk, at most.</summary>
    internal static long ChunkRows(long vocabulary) => Math.Clamp(ChunkElements / vocabulary, 16, 1024);

    /// <summary>Rows [n, hidden] -> fp32 logits [n, vocabulary].</summary>
    public Tensor Logits(Tensor rows, LoraAdapter? adapter = null) => Logits(rows, Weight(adapter, rows.dtype), Bias(adapter, rows.dtype));

    private Tensor Logits(Tensor rows, Tensor weight, Tensor? bias)
    {
        var z = nn.functional.linear(rows, weight, bias).to(ScalarType.Float32);
        if (spec.Scale != 1)
            z = z * spec.Scale;
        return spec.SoftCap is { } cap ? (z / cap).tanh() * cap : z;
    }

    /// <summary>Negative log-likelihood of each target, nats.</summary>
    /// <param name="rows">[n, hidden], outside any graph.</param>
    /// <param name="targets">The id to predict at each row.</param>
    /// <param name="rowGradient">Receives d(sum of losses) / d(rows) where given: same shape and dtype as rows.</param>
    /// <param name="parameterGradient">The flat buffer that gradients of the head are added to where it is trained.</param>
    /// <param name="weights">What each row's loss counts for in the gradients; null: 1.</param>
    /// <param name="adapter">Brings the head where it trains that whole.</param>
    public float[] Losses(
        Tensor rows, IReadOnlyList<long> targets, Tensor? rowGradient = null, Tensor? parameterGradient = null, float[]? weights = null, LoraAdapter? adapter = null)
    {
        using var quiet = no_grad();
        using var outer = NewDisposeScope();
        Tensor matrix = Weight(adapter, rows.dtype);
        var bias = Bias(adapter, rows.dtype);
        long count = rows.size(0), step = ChunkRows(matrix.size(0));
        var losses = new float[count];
        for (long at = 0; at < count; at += step)
        {
            using var scope = NewDisposeScope();
            var n = Math.Min(step, count - at);
            var chunk = rows.narrow(0, at, n);
            var ids = tensor([.. targets.Skip((int)at).Take((int)n)]).to(rows.device).unsqueeze(1);
            var logits = Logits(chunk, matrix, bias);
            var logSum = logits.logsumexp(-1, keepdim: true);
            (logSum - logits.gather(1, ids)).squeeze(1).cpu().data<float>().CopyTo(losses, (int)at);
            if (rowGradient is not null)
            {
                var counts = weights is null ? null : tensor(weights[(int)at..(int)(at + n)]).to(rows.device).unsqueeze(1);
                var gradient = Gradient(logits, logSum, ids, counts).to(rows.dtype);
                rowGradient.narrow(0, at, n).copy_(gradient.matmul(matrix));
                if (parameterGradient is not null)
                    AddTo(parameterGradient, chunk, gradient, adapter);
            }
        }

        return losses;
    }

    /// <summary>d(sum of losses) / d(what comes out of the linear layer): [n, vocabulary].</summary>
    private Tensor Gradient(Tensor logits, Tensor logSum, Tensor ids, Tensor? counts)
    {
        var gradient = (logits - logSum).exp();
        gradient.scatter_(1, ids, gradient.gather(1, ids) - 1);
        if (counts is not null)
            gradient = gradient * counts;
        if (spec.SoftCap is { } cap)
            gradient = gradient * (1 - (logits / cap).square());
        if (spec.Scale != 1)
            gradient = gradient * spec.Scale;
        return gradient;
    }

    private void AddTo(Tensor parameterGradient, Tensor rows, Tensor gradient, LoraAdapter? adapter)
    {
        if (Slot(adapter, SavedWeight, spec.Weight) is { } weight)
            FlatParameters.ViewOf(parameterGradient, weight).add_(gradient.transpose(0, 1).matmul(rows));
        if (spec.Bias is { } name && Slot(adapter, name, name) is { } bias)
            FlatParameters.ViewOf(parameterGradient, bias).add_(gradient.sum([0]));
    }

    private FlatSlot? Slot(LoraAdapter? adapter, string saved, string own) =>
        adapter is null ? model.Trainable is { } trainable ? trainable.Slots[trainable.IndexOf(own)] : null
        : adapter.SavedSlot(saved) is { } slot ? adapter.Parameters.Slots[slot] : null;

    /// <summary>A tied head that is trained whole leaves the embedding alone.</summary>
    private string SavedWeight => spec.Module + ".weight";

    private Tensor Weight(LoraAdapter? adapter, ScalarType type) =>
        adapter?.SavedSlot(SavedWeight) is { } slot ? adapter.Parameters.Leaf(slot).to(type) : model[spec.Weight];

    private Tensor? Bias(LoraAdapter? adapter, ScalarType type) => spec.Bias is not { } name ? null
        : adapter?.SavedSlot(name) is { } slot ? adapter.Parameters.Leaf(slot).to(type) : model[name];
}
