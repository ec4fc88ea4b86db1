using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>Attention over a padded rectangle, with grouped key and value heads (Ainslie et al. 2023).</summary>
internal static class ScaledDotProduct
{
    /// <param name="query">[B, Tq, heads, dim]</param>
    /// <param name="key">[B, Tk, kv heads, dim]</param>
    /// <param name="value">[B, Tk, kv heads, dim]</param>
    /// <param name="bias">Added to the fp32 scores; broadcasts to [B, kv heads, heads / kv heads, Tq, Tk].</param>
    /// <param name="spec">Scale and soft cap; what is in the bias is not looked at.</param>
    /// <returns>[B, Tq, heads * dim]</returns>
    internal static Tensor Run(Tensor query, Tensor key, Tensor value, Tensor bias, AttentionSpec spec)
    {
        long[] q = query.shape, k = key.shape;
        long batch = q[0], rows = q[1], dim = q[3], kvHeads = k[2], columns = k[1];
        var group = q[2] / kvHeads;
        // The queries of one kv head stand under each other, so that each kv head costs one product.
        var left = (query * spec.Scale).view(batch, rows, kvHeads, group, dim).permute(0, 2, 3, 1, 4).reshape(batch * kvHeads, group * rows, dim);
        var right = key.permute(0, 2, 3, 1).reshape(batch * kvHeads, dim, columns);
        var scores = left.bmm(right).to(ScalarType.Float32).view(batch, kvHeads, group, rows, columns);
        if (spec.SoftCap is { } cap)
            scores = (scores / cap).tanh() * cap;
        var weights = (scores + bias).softmax(-1).to(value.dtype).view(batch * kvHeads, group * rows, columns);
        var mixed = weights.bmm(value.permute(0, 2, 1, 3).reshape(batch * kvHeads, columns, dim));
        return mixed.view(batch, kvHeads, group, rows, dim).permute(0, 3, 1, 2, 4).reshape(batch, rows, kvHeads * group * dim);
    }

    /// <summary>0 where a query at its position may look, -infinity elsewhere: [rows, columns].</summary>
    /// <param name="queryPositions">int64 [rows] or [B, rows].</param>
    /// <param name="columns">Keys stand at positions 0 .. columns - 1.</param>
    /// <param name="window">Sliding window, if any.</param>
    internal static Tensor CausalBias(Tensor queryPositions, long columns, int? window)
    {
        var rows = queryPositions.unsqueeze(-1);
        var keys = arange(columns, device: queryPositions.device);
        var hidden = keys.gt(rows);
        if (window is { } w)
            hidden = hidden.logical_or(keys.le(rows - w));
        return zeros(hidden.shape, ScalarType.Float32, queryPositions.device).masked_fill(hidden, float.NegativeInfinity);
    }
}
