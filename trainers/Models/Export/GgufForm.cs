using FineTuneGrid.Models.Architectures;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Export;

/// <summary>How llama.cpp stores a tensor otherwise than it is published.</summary>
internal enum GgufForm
{
    AsPublished,

    /// <summary>Rows of each query head in pairs (i, i + dim / 2): the rotation there is of neighbours.</summary>
    QueryPairs,

    /// <summary>The same of the key heads.</summary>
    KeyPairs,

    /// <summary>All queries, all keys, all values, instead of these for each key head in turn.</summary>
    QueriesKeysValues,

    /// <summary>[out, in] instead of [in, out].</summary>
    Transposed,

    /// <summary>A norm's factor itself instead of its distance from 1.</summary>
    PlusOne,

    /// <summary>The first half of every expert's rows: [experts, rows, in].</summary>
    FirstHalf,

    /// <summary>The second half.</summary>
    SecondHalf,
}

/// <summary>The forms as functions of tensors, there and back.</summary>
internal static class GgufForms
{
    /// <summary>From the published tensor, in the caller's dispose scope.</summary>
    public static Tensor Apply(GgufForm form, Tensor published, Architecture architecture) => form switch
    {
        GgufForm.AsPublished => published,
        GgufForm.Transposed => published.t().contiguous(),
        GgufForm.PlusOne => published.to(ScalarType.Float32) + 1,
        GgufForm.FirstHalf => published.narrow(1, 0, published.size(1) / 2).contiguous(),
        GgufForm.SecondHalf => published.narrow(1, published.size(1) / 2, published.size(1) / 2).contiguous(),
        _ => published.index_select(0, tensor(Rows(form, architecture))),
    };

    /// <summary>Back to the published tensor; of a half only that half.</summary>
    public static Tensor Undo(GgufForm form, Tensor stored, Architecture architecture)
    {
        switch (form)
        {
            case GgufForm.AsPublished or GgufForm.FirstHalf or GgufForm.SecondHalf:
                return stored;
            case GgufForm.Transposed:
                return stored.t().contiguous();
            case GgufForm.PlusOne:
                return stored.to(ScalarType.Float32) - 1;
            default:
                var rows = Rows(form, architecture);
                var back = new long[rows.Length];
                for (var i = 0; i < rows.Length; i++)
                    back[rows[i]] = i;
                return stored.index_select(0, tensor(back));
        }
    }

    /// <summary>What an adapter's B [out, r] of a layer in this form becomes: only the order of outputs concerns it.</summary>
    public static Tensor ApplyToOutputs(GgufForm form, Tensor b, Architecture architecture) => Reorders(form) ? Apply(form, b, architecture) : b;

    public static Tensor UndoOnOutputs(GgufForm form, Tensor b, Architecture architecture) => Reorders(form) ? Undo(form, b, architecture) : b;

    private static bool Reorders(GgufForm form) => form is GgufForm.QueryPairs or GgufForm.KeyPairs or GgufForm.QueriesKeysValues;

    /// <summary>The published row that each stored row is.</summary>
    private static long[] Rows(GgufForm form, Architecture a) => form switch
    {
        GgufForm.QueryPairs => Pairs(a.HeadCount, a.HeadDim),
        GgufForm.KeyPairs => Pairs(a.KeyValueHeads, a.HeadDim),
        GgufForm.QueriesKeysValues => Joined(a.HeadCount, a.KeyValueHeads, a.HeadDim),
        _ => throw new ArgumentOutOfRangeException(nameof(form)),
    };

    private static long[] Pairs(int heads, int dim)
    {
        var rows = new long[heads * dim];
        for (var i = 0; i < rows.Length; i++)
        {
            var (head, within) = (i / dim, i % dim);
            rows[i] = head * dim + within % 2 * (dim / 2) + within / 2;
        }
        return rows;
    }

    private static long[] Joined(int queries, int keys, int dim)
    {
        var group = queries / keys;
        IEnumerable<long> Head(int key, int part) => Enumerable.Range(0, dim).Select(d => ((long)key * (group + 2) + part) * dim + d);
        return
        [
            .. Enumerable.Range(0, keys).SelectMany(k => Enumerable.Range(0, group).SelectMany(q => Head(k, q))),
            .. Enumerable.Range(0, keys).SelectMany(k => Head(k, group)),
            .. Enumerable.Range(0, keys).SelectMany(k => Head(k, group + 1)),
        ];
    }
}
