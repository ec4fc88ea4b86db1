using FineTuneGrid.Models.Architectures;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Layers;

/// <summary>x [T, hidden] -> query [T, heads, dim], key and value [T, kv heads, dim].</summary>
internal delegate (Tensor Query, Tensor Key, Tensor Value) Projection(ForwardPass pass, Tensor x);

/// <summary>The ways in which families store the three projections.</summary>
internal static class QueryKeyValue
{
    /// <summary>Three layers.</summary>
    internal static Projection Apart(
        ParameterList p, string prefix, int hidden, HeadShape s, bool bias, string query = "q_proj", string key = "k_proj", string value = "v_proj")
    {
        p.Keeps(KeptElements.Heads(s));
        var q = p.Linear($"{prefix}.{query}", hidden, s.QueryWidth, bias);
        var k = p.Linear($"{prefix}.{key}", hidden, s.KeyWidth, bias, sharesInput: true);
        var v = p.Linear($"{prefix}.{value}", hidden, s.KeyWidth, bias, sharesInput: true);
        return (pass, x) => (Heads(pass.Linear(q, x), s.Queries, s), Heads(pass.Linear(k, x), s.Keys, s), Heads(pass.Linear(v, x), s.Keys, s));
    }

    /// <summary>One layer: all queries, all keys, all values.</summary>
    internal static Projection Joined(ParameterList p, string module, int hidden, HeadShape s, bool bias, bool conv1D = false)
    {
        p.Keeps(KeptElements.Heads(s));
        var width = s.QueryWidth + 2 * s.KeyWidth;
        var name = conv1D ? p.Conv1D(module, hidden, width, bias) : p.Linear(module, hidden, width, bias);
        return (pass, x) =>
        {
            var y = conv1D ? pass.Conv1D(name, x) : pass.Linear(name, x);
            return (Part(y, 0, s.Queries, s), Part(y, s.QueryWidth, s.Keys, s), Part(y, s.QueryWidth + s.KeyWidth, s.Keys, s));
        };
    }

    /// <summary>One layer: for each key head its queries, the key, the value.</summary>
    internal static Projection ByKeyHead(ParameterList p, string module, int hidden, HeadShape s, bool bias)
    {
        p.Keeps(KeptElements.Heads(s));
        var name = p.Linear(module, hidden, s.QueryWidth + 2 * s.KeyWidth, bias);
        var group = s.Queries / s.Keys;
        return (pass, x) =>
        {
            var y = pass.Linear(name, x).view(-1, s.Keys, group + 2, s.Dim);
            return (y.narrow(2, 0, group).reshape(-1, s.Queries, s.Dim), y.select(2, group).contiguous(), y.select(2, group + 1).contiguous());
        };
    }

    /// <summary>One layer in blocks of whole heads: in each block the queries, the values, the keys.</summary>
    internal static Projection InBlocks(ParameterList p, string module, int hidden, HeadShape s, int blocks)
    {
        p.Keeps(KeptElements.Heads(s));
        var name = p.Linear(module, hidden, 3 * s.QueryWidth, bias: false);
        return (pass, x) =>
        {
            var y = pass.Linear(name, x).view(-1, blocks, 3, s.QueryWidth / blocks);
            return (Third(0), Third(2), Third(1));

            Tensor Third(int i) => y.select(2, i).reshape(-1, s.Queries, s.Dim);
        };
    }

    /// <summary>Clamps what is projected to [-limit, limit].</summary>
    internal static Projection Clipped(ParameterList p, HeadShape s, Projection projection, double limit)
    {
        p.Keeps(KeptElements.Heads(s));
        return (pass, x) =>
        {
            var (q, k, v) = projection(pass, x);
            return (Clip(q), Clip(k), Clip(v));
        };

        Tensor Clip(Tensor t) => t.clamp((TorchSharp.Scalar)(-limit), (TorchSharp.Scalar)limit);
    }

    private static Tensor Part(Tensor y, int at, int heads, HeadShape s) => Heads(y.narrow(-1, at, heads * s.Dim).contiguous(), heads, s);

    private static Tensor Heads(Tensor x, int heads, HeadShape s) => x.view(-1, heads, s.Dim);
}
