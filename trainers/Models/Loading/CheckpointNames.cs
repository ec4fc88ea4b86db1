using System.Text.RegularExpressions;
using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Architectures;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Loading;

/// <summary>
/// An architecture's parameters among a folder's tensors. Folders of a bare model leave the family's prefix out, older ones hold
/// tables that are computed now, and a tied head may be stored twice; anything else must fit one to one.
/// </summary>
internal sealed partial class CheckpointNames
{
    private const int MostFindings = 100;
    private const int MostNamed = 3;
    private static readonly string[] Heads = ["lm_head.weight", "embed_out.weight"];

    private readonly string _prefix;
    private readonly HashSet<string> _stored;
    private readonly IReadOnlyList<string> _ignored;

    private CheckpointNames(Architecture architecture, ITensorCatalog source)
    {
        _ignored = architecture.Ignored;
        _prefix = architecture.BasePrefix;
        _stored = source.Names.ToHashSet(StringComparer.Ordinal);
    }

    /// <exception cref="GridException"><c>invalid_model</c>, with one finding for each tensor that does not fit.</exception>
    internal static CheckpointNames Check(Architecture architecture, ITensorCatalog source)
    {
        var names = new CheckpointNames(architecture, source);
        var parameters = architecture.StoredParameters.ToList();
        var findings = parameters.Select(p => names.Finding(p, source)).OfType<GridFinding>().ToList();
        var known = parameters.Select(names.Of).ToHashSet(StringComparer.Ordinal);
        findings.AddRange(names._stored.Where(n => !known.Contains(n) && !names.IsPassedOver(n)).Order(StringComparer.Ordinal)
            .Select(n => new GridFinding(n, $"tensor {n} is no part of a {architecture.Config.ModelType} model with this config.")));
        if (findings.Count == 0)
            return names;
        throw new GridException(ErrorCodes.InvalidModel,
            $"The weights do not fit config.json: {string.Join(' ', findings.Take(MostNamed).Select(f => f.Message))}"
            + (findings.Count > MostNamed ? $" And {findings.Count - MostNamed} more." : "") + Way(findings), findings[0].Where)
        {
            Findings = [.. findings.Take(MostFindings)],
        };
    }

    /// <summary>The name that the folder uses.</summary>
    internal string Of(ParameterSpec spec)
    {
        string[] names = spec.Name.StartsWith(_prefix, StringComparison.Ordinal) ? [spec.Name, spec.Name[_prefix.Length..]] : [spec.Name];
        return Array.Find([.. names, .. names.Select(OlderNorm)], _stored.Contains) ?? spec.Name;
    }

    private bool IsPassedOver(string name) =>
        Heads.Contains(name) || Computed().IsMatch(name) || _ignored.Any(i => name.StartsWith(i, StringComparison.Ordinal));

    /// <summary>The first published folders have a layer norm's factor and summand as <c>gamma</c> and <c>beta</c>.</summary>
    private static string OlderNorm(string name) => name.Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal).Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal);

    private GridFinding? Finding(ParameterSpec spec, ITensorCatalog source)
    {
        var name = Of(spec);
        if (!_stored.Contains(name))
            return new(name, $"tensor {name} is missing.");
        var info = source.Describe(name);
        if (!info.Shape.SequenceEqual(spec.Shape))
            return new(name, $"tensor {name} has shape [{string.Join(", ", info.Shape)}], not [{string.Join(", ", spec.Shape)}] as config.json makes it.");
        return info.Type is ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16 or ScalarType.Float64
            ? null
            : new(name, $"tensor {name} has dtype {info.Type}; weights must be F32, BF16, F16 or F64.");
    }

    private static string Way(IEnumerable<GridFinding> findings) => findings.Any(f => Packed().IsMatch(f.Where))
        ? " They are quantised in a way that this build does not read: add the model that they were made from, in fp32, bf16 or fp16."
        : " Add the config.json and the weights of one and the same model.";

    /// <summary>What quantised folders hold beside or instead of a matrix.</summary>
    [GeneratedRegex(@"\.(qweight|qzeros|scales|g_idx|weight_packed|weight_scale(_inv)?|weight_shape|SCB|weight\.(absmax|quant_map|quant_state\..+|nested_absmax|nested_quant_map)|[a-z_]+_(blocks|scales))$")]
    private static partial Regex Packed();

    /// <summary>Masks and tables that older versions stored.</summary>
    [GeneratedRegex(@"(^|\.)(rotary_emb\.(inv_freq|cos_cached|sin_cached)|(attn|attention|attn\.attention)\.(bias|masked_bias)|attn\.(causal_mask|embed_positions)|scale_mask_softmax\.causal_mask|decoder\.version|position_ids)$")]
    private static partial Regex Computed();
}
