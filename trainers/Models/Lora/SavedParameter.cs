using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Architectures;

namespace FineTuneGrid.Models.Lora;

/// <summary>A parameter that an adapter trains whole and keeps: of PEFT's <c>modules_to_save</c>.</summary>
/// <param name="Parameter">Its name, under the module's own path: a tied head's is not the embedding's.</param>
/// <param name="Source">The base's parameter that it starts as a copy of; null: it starts as <paramref name="Init"/> says.</param>
/// <param name="Norm">Used in fp32 whatever the compute dtype.</param>
public sealed record SavedParameter(string Parameter, long[] Shape, ParameterInit Init, string? Source, bool Norm)
{
    /// <summary>As PEFT publishes it.</summary>
    public string Name => $"base_model.model.{Parameter}";

    public long Count => Shape.Aggregate(1L, (a, b) => checked(a * b));

    /// <summary>
    /// The parameters of the modules that a spec names and of those that a classifier adds: its head always, and what the base's folder lacks.
    /// </summary>
    /// <exception cref="GridException"><c>invalid_value</c>: a name fits no module.</exception>
    internal static IReadOnlyList<SavedParameter> Select(Architecture architecture, IReadOnlyList<string> modules)
    {
        foreach (var name in modules)
        {
            if (!architecture.Parameters.Any(p => IsOf(p.Name, name)) && !IsOf(architecture.Head.Module + ".", name) && !IsOtherHead(architecture, name))
                throw Unknown(architecture, name);
        }

        string[] wanted = architecture.Classifier is { } c ? [.. modules, .. c.Fresh, c.Module] : [.. modules];
        List<SavedParameter> saved = [.. architecture.Parameters.Where(p => wanted.Any(name => IsOf(p.Name, name))).Select(p => Of(architecture, p))];
        var (head, weight) = (architecture.Head, architecture.Head.Module + ".weight");
        if (head.Weight != weight && wanted.Any(name => IsOf(weight, name)))
            saved.Add(Of(architecture, architecture.Parameters.Single(p => p.Name == head.Weight)) with { Parameter = weight });
        return saved;
    }

    private static SavedParameter Of(Architecture architecture, ParameterSpec spec) =>
        new(spec.Name, spec.Shape, spec.Init, architecture.Classifier?.IsFresh(spec.Name) == true ? null : spec.Name, spec.Norm);

    /// <summary>Whether a parameter is in a module of this name, or in one within it.</summary>
    private static bool IsOf(string parameter, string module) => module.Length > 0 && $".{parameter}".Contains($".{module}.", StringComparison.Ordinal);

    /// <summary>PEFT names the heads of all classifiers, of which a model has one.</summary>
    private static bool IsOtherHead(Architecture architecture, string name) => architecture.Classifier is not null && name is "classifier" or "score";

    private static GridException Unknown(Architecture architecture, string name)
    {
        var known = architecture.Parameters.Select(p => p.Name.Split('.')).Select(parts => parts[^2]).Append(architecture.Head.Module).Where(n => !n.All(char.IsDigit)).Distinct(StringComparer.Ordinal);
        return new GridException(ErrorCodes.InvalidValue,
            $"method.modules_to_save: no module of this model is called '{name}'; the model has {string.Join(", ", known)}.", "method.modules_to_save");
    }
}
