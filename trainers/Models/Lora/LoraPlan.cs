using System.Text.RegularExpressions;
using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Architectures;

namespace FineTuneGrid.Models.Lora;

/// <summary>One covered layer: A is [Rank, In], B is [Out, Rank], whichever way round the base's weight is stored.</summary>
/// <param name="Transposed">See <see cref="LinearSpec"/>.</param>
/// <param name="Dora">It has a magnitude [Out] besides: see <see cref="LoraSpec.Dora"/>.</param>
public sealed record LoraModuleSpec(string Name, int In, int Out, int Rank, double Alpha, double Scale, bool Transposed = false, bool Dora = false)
{
    public string NameA => $"base_model.model.{Name}.lora_A.weight";

    public string NameB => $"base_model.model.{Name}.lora_B.weight";

    /// <summary>Published without <c>.weight</c>.</summary>
    public string NameMagnitude => $"base_model.model.{Name}.lora_magnitude_vector";

    public long ParameterCount => (long)Rank * (In + Out) + (Dora ? Out : 0);

    /// <summary>What is trained of the layer, by its published name and shape.</summary>
    public IEnumerable<(string Name, long[] Shape)> Parameters =>
        Dora ? [(NameA, [Rank, In]), (NameB, [Out, Rank]), (NameMagnitude, [Out])] : [(NameA, [Rank, In]), (NameB, [Out, Rank])];
}

/// <summary>A <see cref="LoraSpec"/> worked out against an architecture. Needs no weights.</summary>
public sealed class LoraPlan
{
    private readonly Dictionary<string, SavedParameter> _savedByName;

    private LoraPlan(Architecture architecture, LoraSpec spec, IReadOnlyList<LoraModuleSpec> modules, IReadOnlyList<SavedParameter> saved)
    {
        Spec = spec;
        Modules = modules;
        Saved = saved;
        Classifier = architecture.Classifier;
        InitializerRange = architecture.InitializerRange;
        _savedByName = saved.ToDictionary(s => s.Parameter, StringComparer.Ordinal);
    }

    public LoraSpec Spec { get; }

    /// <summary>In the order of the forward pass.</summary>
    public IReadOnlyList<LoraModuleSpec> Modules { get; }

    /// <summary>What is trained whole beside them.</summary>
    public IReadOnlyList<SavedParameter> Saved { get; }

    /// <summary>Set where the adapter is a classifier's.</summary>
    public ClassifierSpec? Classifier { get; }

    /// <summary>Whether the targets name layers too that are not adapted, being trained whole.</summary>
    public bool LeavesOutTargets { get; private init; }

    public long ParameterCount => Modules.Sum(m => m.ParameterCount) + Saved.Sum(s => s.Count);

    /// <summary>Everything that is trained, by its published name and shape.</summary>
    public IEnumerable<(string Name, long[] Shape)> Parameters => Modules.SelectMany(m => m.Parameters).Concat(Saved.Select(s => (s.Name, s.Shape)));

    /// <summary>Deviation of what starts at random and is no factor.</summary>
    internal double InitializerRange { get; }

    internal SavedParameter SavedAt(string parameter) => _savedByName[parameter];

    /// <exception cref="GridException"><c>invalid_value</c>: no such module, a rank out of range; the field is named.</exception>
    public static LoraPlan Resolve(Architecture architecture, LoraSpec spec)
    {
        if (spec.Dropout is < 0 or >= 1)
            throw Bad($"method.dropout is {spec.Dropout}; it must be at least 0 and below 1.", "method.dropout");
        var ranks = Compile(spec.RankPattern, "method.rank_pattern");
        var alphas = Compile(spec.AlphaPattern, "method.alpha_pattern");
        var saved = SavedParameter.Select(architecture, spec.ModulesToSave);
        var whole = saved.Select(s => s.Parameter).ToHashSet(StringComparer.Ordinal);
        var targets = Select(architecture, spec);
        var adapted = targets.Where(l => !whole.Contains(l.Name + ".weight")).ToList();
        if (adapted.Count == 0)
            throw Bad("method.modules_to_save trains every layer whole that method.target_modules names; leave one of them out.", "method.modules_to_save");
        var modules = adapted
            .Select(l => Module(l, Pick(ranks, l.Name, spec.Rank), Pick(alphas, l.Name, spec.Alpha), spec))
            .ToList();
        if (!spec.IsPublished)
        {
            CheckUsed(ranks, modules, "method.rank_pattern");
            CheckUsed(alphas, modules, "method.alpha_pattern");
        }

        return new LoraPlan(architecture, spec, modules, saved) { LeavesOutTargets = adapted.Count < targets.Count };
    }

    private static LoraModuleSpec Module(LinearSpec linear, (int Value, string? Key) rank, (double Value, string? Key) alpha, LoraSpec spec)
    {
        var limit = linear.Router ? linear.In : Math.Min(linear.In, linear.Out);
        if (rank.Value < 1 || (rank.Value > limit && !spec.IsPublished))
        {
            var field = rank.Key is null ? "method.rank" : $"method.rank_pattern.{rank.Key}";
            throw Bad($"{field} is {rank.Value}; {linear.Name} is {linear.Out} x {linear.In}, so its rank must be from 1 to {limit}.", field);
        }

        if (!(alpha.Value > 0) || !double.IsFinite(alpha.Value))
        {
            var field = alpha.Key is null ? "method.alpha" : $"method.alpha_pattern.{alpha.Key}";
            throw Bad($"{field} is {alpha.Value}; it must be above 0.", field);
        }

        return new LoraModuleSpec(linear.Name, linear.In, linear.Out, rank.Value, alpha.Value, spec.ScaleOf(rank.Value, alpha.Value), linear.Transposed, spec.Dora);
    }

    private static IReadOnlyList<LinearSpec> Select(Architecture architecture, LoraSpec spec)
    {
        var targets = spec.Targets;
        if (targets.Pattern is { } pattern)
        {
            var regex = ToRegex(pattern, "method.target_modules");
            var matching = architecture.Linears.Where(l => regex.IsMatch(l.Name)).ToList();
            return matching.Count > 0 ? matching : throw Unknown($"the pattern '{pattern}'", architecture);
        }

        if (targets.Suffixes is not { } suffixes)
            return architecture.Linears;
        if (suffixes.Count == 0)
            throw Bad("method.target_modules may not be empty; use 'all-linear' or name modules.", "method.target_modules");
        var unknown = suffixes.Where(suffix => !architecture.Linears.Any(l => EndsWith(l.Name, suffix))).ToList();
        if (unknown.Count > 0 && (unknown.Count == suffixes.Count || !spec.IsPublished))
            throw Unknown($"'{unknown[0]}'", architecture);
        return [.. architecture.Linears.Where(l => suffixes.Any(s => EndsWith(l.Name, s)))];
    }

    private static bool EndsWith(string module, string suffix) =>
        module == suffix || (suffix.Length > 0 && module.EndsWith("." + suffix, StringComparison.Ordinal));

    private static GridException Unknown(string what, Architecture architecture)
    {
        var ends = architecture.Linears.Select(l => l.Name[(l.Name.LastIndexOf('.') + 1)..]).Distinct(StringComparer.Ordinal);
        return Bad($"method.target_modules: no linear layer of this model matches {what}; the model has {string.Join(", ", ends)} " +
            $"(full paths such as {architecture.Linears[0].Name}).", "method.target_modules");
    }

    private static List<(string Key, Regex Regex, T Value)> Compile<T>(IReadOnlyDictionary<string, T> patterns, string field) =>
        [.. patterns.Select(p => (p.Key, ToRegex($"(?:.*\\.)?(?:{p.Key})", $"{field}.{p.Key}"), p.Value))];

    private static (T Value, string? Key) Pick<T>(List<(string Key, Regex Regex, T Value)> patterns, string module, T fallback)
    {
        foreach (var (key, regex, value) in patterns)
        {
            if (regex.IsMatch(module))
                return (value, key);
        }

        return (fallback, null);
    }

    private static void CheckUsed<T>(List<(string Key, Regex Regex, T Value)> patterns, List<LoraModuleSpec> modules, string field)
    {
        foreach (var (key, regex, _) in patterns)
        {
            if (!modules.Any(m => regex.IsMatch(m.Name)))
                throw Bad($"{field}: '{key}' matches none of the adapted modules, such as {modules[0].Name}.", $"{field}.{key}");
        }
    }

    /// <summary>Linear time whatever the pattern, which a user wrote.</summary>
    private static Regex ToRegex(string pattern, string field)
    {
        try
        {
            return new Regex($"^(?:{pattern})$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw Bad($"{field} is not a usable regular expression: {e.Message}", field);
        }
    }

    private static GridException Bad(string message, string field) => new(ErrorCodes.InvalidValue, message, field);
}
