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
    private static readonly string[] Heads = ["lm_head.weight", "embed_out.weight"];

    private readonly string _prefix;
    private readonly HashSet<string> _stored;

    private CheckpointNames(Architecture architecture, ITensorSource source)
    {
        _prefix = architecture.BasePrefix;
        _stored = source.Names.ToHashSet(StringComparer.Ordinal);
    }

    /// <exception cref="GridException"><c>invalid_model</c>, with one finding for each tensor that does not fit.</exception>
    internal static CheckpointNames Check(Architecture architecture, ITensorSource source)
    {
        var names = new CheckpointNames(architecture, source);
        var findings = architecture.Parameters.Select(p => names.Finding(p, source)).OfType<GridFinding>().ToList();
        var known = architecture.Parameters.Select(names.Of).ToHashSet(StringComparer.Ordinal);
        findings.AddRange(names._stored.Where(n => !known.Contains(n) && !Heads.Contains(n) && !Computed().IsMatch(n)).Order(StringComparer.Ordinal)
            .Select(n => new GridFinding(n, $"tensor {n} is no part of a {architecture.Config.ModelType} model with this config.")));
        if (findings.Count == 0)
            return names;
        throw new GridException(ErrorCodes.InvalidModel,
            $"The weights do not fit config.json: {findings[0].Message}" + (findings.Count > 1 ? $" ({findings.Count - 1} more)" : ""), findings[0].Where)
        {
            Findings = [.. findings.Take(MostFindings)],
        };
    }

    /// <summary>The name that the folder uses.</summary>
    internal string Of(ParameterSpec spec)
    {
        if (_stored.Contains(spec.Name) || !spec.Name.StartsWith(_prefix, StringComparison.Ordinal))
            return spec.Name;
        var bare = spec.Name[_prefix.Length..];
        return _stored.Contains(bare) ? bare : spec.Name;
    }

    private GridFinding? Finding(ParameterSpec spec, ITensorSource source)
    {
        var name = Of(spec);
        if (!_stored.Contains(name))
            return new(name, $"tensor {name} is missing.");
        var info = source.Describe(name);
        if (!info.Shape.SequenceEqual(spec.Shape))
            return new(name, $"tensor {name} has shape [{string.Join(", ", info.Shape)}], not [{string.Join(", ", spec.Shape)}].");
        return info.Type is ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16 or ScalarType.Float64
            ? null
            : new(name, $"tensor {name} has dtype {info.Type}, not a floating point one.");
    }

    /// <summary>Masks and tables that older versions stored.</summary>
    [GeneratedRegex(@"(^|\.)(rotary_emb\.(inv_freq|cos_cached|sin_cached)|(attn|attention|attn\.attention)\.(bias|masked_bias)|attn\.(causal_mask|embed_positions)|position_ids)$")]
    private static partial Regex Computed();
}
