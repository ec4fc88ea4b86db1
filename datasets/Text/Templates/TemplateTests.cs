namespace FineTuneGrid.Text.Templates;

/// <summary>The tests of Jinja: what may stand after <c>is</c>.</summary>
internal static class TemplateTests
{
    private static readonly Dictionary<string, Func<object?, CallArguments, bool>> Tests = new(StringComparer.Ordinal)
    {
        ["boolean"] = (v, _) => v is bool,
        ["callable"] = (v, _) => v is TemplateFunction or Undefined,
        ["defined"] = (v, _) => v is not Undefined,
        ["divisibleby"] = (v, a) => TemplateValues.AreEqual(TemplateArithmetic.Apply("%", v, a.Get(0, "num"), new TemplateBudget()), 0L),
        ["escaped"] = (_, _) => false,
        ["even"] = (v, _) => Remainder(v) == 0,
        ["false"] = (v, _) => v is false,
        ["filter"] = (v, _) => v is string name && TemplateFilters.Exists(name),
        ["float"] = (v, _) => v is double,
        ["in"] = (v, a) => TemplateValues.Contains(a.Get(0, "seq"), v),
        ["integer"] = (v, _) => v is long,
        ["iterable"] = (v, _) => v is string or List<object?> or TemplateDict or Undefined,
        ["lower"] = (v, _) => TemplateValues.Print(v) is var text && text.Any(char.IsLetter) && text == text.ToLowerInvariant(),
        ["mapping"] = (v, _) => v is TemplateDict,
        ["none"] = (v, _) => v is null,
        ["number"] = (v, _) => v is long or double or bool,
        ["odd"] = (v, _) => Remainder(v) == 1,
        ["sameas"] = (v, a) => ReferenceEquals(v, a.Get(0, "other")) || (v is bool or long && v.Equals(a.Get(0, "other"))),
        ["sequence"] = (v, _) => v is string or List<object?> or TemplateDict or Undefined,
        ["string"] = (v, _) => v is string,
        ["test"] = (v, _) => v is string name && Exists(name),
        ["true"] = (v, _) => v is true,
        ["undefined"] = (v, _) => v is Undefined,
        ["upper"] = (v, _) => TemplateValues.Print(v) is var text && text.Any(char.IsLetter) && text == text.ToUpperInvariant(),
        ["eq"] = Compare("=="),
        ["equalto"] = Compare("=="),
        ["=="] = Compare("=="),
        ["ne"] = Compare("!="),
        ["!="] = Compare("!="),
        ["lt"] = Compare("<"),
        ["lessthan"] = Compare("<"),
        ["<"] = Compare("<"),
        ["le"] = Compare("<="),
        ["<="] = Compare("<="),
        ["gt"] = Compare(">"),
        ["greaterthan"] = Compare(">"),
        [">"] = Compare(">"),
        ["ge"] = Compare(">="),
        [">="] = Compare(">="),
    };

    public static bool Exists(string name) => Tests.ContainsKey(name);

    public static bool Holds(string name, object? value, CallArguments arguments) =>
        Tests.TryGetValue(name, out var test) ? test(value, arguments) : throw new TemplateException($"there is no test '{name}'");

    private static Func<object?, CallArguments, bool> Compare(string symbol) => (v, a) => CompareExpression.Holds(symbol, v, a.Get(0, "other"));

    private static long Remainder(object? value) => value is long or bool
        ? Math.Abs(TemplateValues.AsWhole(value) % 2)
        : throw new TemplateException($"a {TemplateValues.TypeName(value)} is neither even nor odd");
}
