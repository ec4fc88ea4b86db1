using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>
/// Head and cross-entropy over supervised rows only, in chunks of rows, with the gradient finished in the forward: the logits
/// of a chunk are the only ones in memory, and no graph is kept for them.
/// </summary>
public sealed class LossHead(HeadSpec spec, ModelWeights model)
{
    /// <summary>Logits of a chunk: at most this many, 64 MB in fp32. A constant, since it shapes the order of sums.</summary>
    private const long ChunkElements = 16L << 20;

    /// <summary>Rows of a chunk, at most.</summary>
    internal static long ChunkRows(long vocabulary) => Math.Clamp(ChunkElements / vocabulary, 16, 1024);

    /// <summary>Rows [n, hidden] -> fp32 logits [n, vocabulary].</summary>
    public Tensor Logits(Tensor rows)
    {
        var bias = spec.Bias is null ? null : model[spec.Bias];
        var z = nn.functional.linear(rows, model[spec.Weight], bias).to(ScalarType.Float32);
        if (spec.Scale != 1)
            z = z * spec.Scale;
        return spec.SoftCap is { } cap ? (z / cap).tanh() * cap : z;
    }

    /// <summary>Negative log-likelihood of each target, nats.</summary>
    /// <param name="rows">[n, hidden], outside any graph.</param>
    /// <param name="targets">The id to predict at each row.</param>
    /// <param name="rowGradient">Receives d(sum of losses) / d(rows) where given: same shape and dtype as rows.</param>
    /// <param name="parameterGradient">Where the head is trained: the flat buffer to add its gradients to.</param>
    /// <param name="weights">What each row's loss counts for in the gradients; null: 1.</param>
    public float[] Losses(Tensor rows, IReadOnlyList<long> targets, Tensor? rowGradient = null, Tensor? parameterGradient = null, float[]? weights = null)
    {
        using var quiet = no_grad();
        long count = rows.size(0), step = ChunkRows(model[spec.Weight].size(0));
        var losses = new float[count];
        for (long at = 0; at < count; at += step)
        {
            using var scope = NewDisposeScope();
            var n = Math.Min(step, count - at);
            var chunk = rows.narrow(0, at, n);
            var ids = tensor([.. targets.Skip((int)at).Take((int)n)]).to(rows.device).unsqueeze(1);
            var logits = Logits(chunk);
            var logSum = logits.logsumexp(-1, keepdim: true);
            (logSum - logits.gather(1, ids)).squeeze(1).cpu().data<float>().CopyTo(losses, (int)at);
            if (rowGradient is not null)
            {
                var counts = weights is null ? null : tensor(weights[(int)at..(int)(at + n)]).to(rows.device).unsqueeze(1);
                Backward(chunk, logits, logSum, ids, rowGradient.narrow(0, at, n), parameterGradient, counts);
            }
        }

        return losses;
    }

    private void Backward(Tensor rows, Tensor logits, Tensor logSum, Tensor ids, Tensor rowGradient, Tensor? parameterGradient, Tensor? counts)
    {
        var gradient = (logits - logSum).exp();
        gradient.scatter_(1, ids, gradient.gather(1, ids) - 1);
        if (counts is not null)
            gradient = gradient * counts;
        if (spec.SoftCap is { } cap)
            gradient = gradient * (1 - (logits / cap).square());
        if (spec.Scale != 1)
            gradient = gradient * spec.Scale;
        var narrow = gradient.to(rows.dtype);
        rowGradient.copy_(narrow.matmul(model[spec.Weight]));
        if (parameterGradient is null || model.Trainable is not { } trainable)
            return;
        Part(trainable, parameterGradient, spec.Weight).add_(narrow.transpose(0, 1).matmul(rows));
        if (spec.Bias is not null)
            Part(trainable, parameterGradient, spec.Bias).add_(narrow.sum([0]));
    }

    private static Tensor Part(FlatParameters parameters, Tensor buffer, string name) =>
        FlatParameters.ViewOf(buffer, parameters.Slots[parameters.IndexOf(name)]);
}
