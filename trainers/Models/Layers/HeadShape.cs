using FineTuneGrid.Models.Config;

namespace FineTuneGrid.Models.Layers;

/// <summary>The heads of an attention layer.</summary>
/// <param name="Queries">Number of query heads.</param>
/// <param name="Keys">Number of key and of value heads; divides the queries'.</param>
/// <param name="Dim">Elements of a head.</param>
internal sealed record HeadShape(int Queries, int Keys, int Dim)
{
    internal int QueryWidth => Queries * Dim;

    internal int KeyWidth => Keys * Dim;

    /// <summary>1 / sqrt(dim).</summary>
    internal double Scale => 1 / Math.Sqrt(Dim);

    /// <summary>Reads a head's size as hidden / heads, or where the config has it as <c>head_dim</c>.</summary>
    /// <param name="keys">The field with the key heads, of which null means as many as query heads.</param>
    /// <param name="defaultKeys">What that field means where it is absent; null: as many as query heads.</param>
    internal static HeadShape Read(ModelConfig config, int hidden, string heads, string? keys = null, int? defaultKeys = null, int? defaultDim = null)
    {
        var queries = config.Int(heads);
        var kv = keys is null ? queries : config.IntOr(keys, defaultKeys ?? queries) ?? queries;
        if (queries % kv != 0)
            throw config.Wrong(keys!, $"must divide {heads} ({queries}), and absent it means {defaultKeys ?? queries}");
        if (config.IntOrNull("head_dim", 1, 4096) is { } given)
            return new(queries, kv, given);
        if (defaultDim is null && hidden % queries != 0)
            throw config.Wrong(heads, $"must divide the hidden size ({hidden})");
        return new(queries, kv, defaultDim ?? hidden / queries);
    }
}
