using System.Text.Json;
using System.Text.RegularExpressions;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Models;

namespace FineTuneGrid.Grains.Planning;

/// <summary>Which linear layers an adapter wraps, and whether its rank fits them.</summary>
public static class TargetModules
{
    /// <summary>PEFT's rules: a name matches a module of that path or with that last part; a pattern the whole path.</summary>
    /// <exception cref="GridException">invalid_value: a target matches nothing, naming what there is; or a rank exceeds a layer.</exception>
    public static IReadOnlyList<LinearModule> Select(MethodSpec method, IReadOnlyList<LinearModule> modules)
    {
        var selected = Match(method.TargetModules, modules);
        foreach (var module in selected)
        {
            var rank = RankOf(method, module.Path);
            var most = ModelTypes.IsRouter(module.Path) ? module.InFeatures : Math.Min(module.InFeatures, module.OutFeatures);
            if (rank < 1 || rank > most)
                throw new GridException(ErrorCodes.InvalidValue,
                    $"method.rank is {rank}, but {module.Path} has {module.InFeatures} inputs and {module.OutFeatures} outputs: use a rank of 1 to {most}.", "method.rank");
        }
        return selected;
    }

    public static int RankOf(MethodSpec method, string path)
    {
        foreach (var (pattern, rank) in method.RankPattern)
            if (MatchesPattern(pattern, path))
                return rank;
        return method.Rank;
    }

    public static double AlphaOf(MethodSpec method, string path)
    {
        foreach (var (pattern, alpha) in method.AlphaPattern)
            if (MatchesPattern(pattern, path))
                return alpha;
        return method.Alpha;
    }

    private static IReadOnlyList<LinearModule> Match(JsonElement targets, IReadOnlyList<LinearModule> modules)
    {
        if (targets.ValueKind == JsonValueKind.Array)
            return ByNames([.. targets.EnumerateArray().Select(t => t.GetString() ?? "")], modules);
        var text = targets.GetString() ?? "";
        if (text == "all-linear")
            return modules.Count > 0 ? modules : throw Nothing("'all-linear'", modules);
        var pattern = text.StartsWith("regex:", StringComparison.Ordinal) ? text["regex:".Length..] : text;
        var whole = new Regex($"^(?:{pattern})$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        LinearModule[] found = [.. modules.Where(m => whole.IsMatch(m.Path))];
        return found.Length > 0 ? found : throw Nothing($"'{text}'", modules);
    }

    private static LinearModule[] ByNames(string[] names, IReadOnlyList<LinearModule> modules)
    {
        foreach (var name in names)
            if (!modules.Any(m => IsNamed(m, name)))
                throw Nothing($"'{name}'", modules);
        return [.. modules.Where(m => names.Any(n => IsNamed(m, n)))];
    }

    private static bool IsNamed(LinearModule module, string name) =>
        name.Length > 0 && (module.Path == name || module.Path.EndsWith("." + name, StringComparison.Ordinal));

    /// <summary>PEFT: the key of a pattern matches at the end of the path, after a dot or the start.</summary>
    private static bool MatchesPattern(string pattern, string path) =>
        Regex.IsMatch(path, $@"(?:^|.*\.)(?:{pattern})$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);

    private static GridException Nothing(string target, IReadOnlyList<LinearModule> modules)
    {
        var names = modules.Select(m => m.Path[(m.Path.LastIndexOf('.') + 1)..]).Distinct().Order(StringComparer.Ordinal);
        return new GridException(ErrorCodes.InvalidValue,
            $"method.target_modules: {target} matches no linear layer of the model; it has {string.Join(", ", names)}.", "method.target_modules");
    }
}
