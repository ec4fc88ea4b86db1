using System.Globalization;

namespace FineTuneGrid.Text.Templates;

/// <summary>Filters that go through the elements of a value.</summary>
internal static class SequenceFilters
{
    private delegate object? Filter(List<object?> items, object? value, CallArguments arguments, TemplateBudget budget);

    private static readonly Dictionary<string, Filter> Filters = new(StringComparer.Ordinal)
    {
        ["batch"] = (items, _, a, _) => Batch(items, a),
        ["first"] = (items, _, _, _) => items.Count > 0 ? items[0] : new Undefined("the first element of an empty list"),
        ["groupby"] = (items, _, a, b) => GroupBy(items, a, b),
        ["join"] = (items, _, a, b) => TemplateFilters.Join(Pick(items, a.Get(1, "attribute", null), b).ConvertAll(TemplateValues.Print), TemplateValues.Print(a.Get(0, "d", "")), b),
        ["last"] = (items, _, _, _) => items.Count > 0 ? items[^1] : new Undefined("the last element of an empty list"),
        ["list"] = (items, _, _, _) => items.ToList(),
        ["map"] = (items, _, a, b) => Map(items, a, b),
        ["max"] = (items, _, a, b) => Extreme(items, a, b, 1),
        ["min"] = (items, _, a, b) => Extreme(items, a, b, -1),
        ["reject"] = (items, _, a, _) => items.Where(item => !Test(item, a, 0)).ToList(),
        ["rejectattr"] = (items, _, a, b) => items.Where(item => !Test(Attribute(item, a.Get(0, "attribute"), b), a, 1)).ToList(),
        ["reverse"] = (items, value, _, _) => Reverse(items, value),
        ["select"] = (items, _, a, _) => items.Where(item => Test(item, a, 0)).ToList(),
        ["selectattr"] = (items, _, a, b) => items.Where(item => Test(Attribute(item, a.Get(0, "attribute"), b), a, 1)).ToList(),
        ["slice"] = (items, _, a, b) => Slice(items, a, b),
        ["sort"] = (items, _, a, b) => Sort(items, a, b),
        ["sum"] = (items, _, a, b) => Pick(items, a.Get(0, "attribute", null), b).Aggregate(a.Get(1, "start", 0L), (sum, item) => TemplateArithmetic.Apply("+", sum, item, b)),
        ["unique"] = (items, _, a, b) => Unique(items, a, b),
    };

    public static bool Exists(string name) => Filters.ContainsKey(name);

    public static object? Apply(string name, object? value, CallArguments arguments, TemplateBudget budget)
    {
        if (!Filters.TryGetValue(name, out var filter))
            throw new TemplateException($"there is no filter '{name}'");
        var items = TemplateValues.Items(value);
        budget.Build(items.Count);
        return filter(items, value, arguments, budget);
    }

    private static List<object?> Pick(List<object?> items, object? attribute, TemplateBudget budget) =>
        attribute is null ? items : items.ConvertAll(item => Attribute(item, attribute, budget));

    /// <summary>An attribute path such as <c>function.name</c> or <c>0</c>.</summary>
    private static object? Attribute(object? item, object? path, TemplateBudget budget)
    {
        if (path is not string text)
            return TemplateAccess.Item(item, path, budget);
        foreach (var part in text.Split('.'))
            item = TemplateAccess.Item(item, long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : part, budget);
        return item;
    }

    private static bool Test(object? item, CallArguments arguments, int at)
    {
        if (at >= arguments.Positional.Count)
            return TemplateValues.IsTrue(item);
        return TemplateTests.Holds(arguments.Text(at, "test"), item, new CallArguments("test", arguments.Positional[(at + 1)..], arguments.Named));
    }

    private static List<object?> Map(List<object?> items, CallArguments arguments, TemplateBudget budget)
    {
        if (arguments.Positional.Count > 0)
        {
            var filter = arguments.Text(0, "filter");
            var rest = new CallArguments(filter, arguments.Positional[1..], arguments.Named);
            return items.ConvertAll(item => TemplateFilters.Apply(filter, item, rest, budget));
        }
        var attribute = arguments.Get(0, "attribute");
        return items.ConvertAll(item => Attribute(item, attribute, budget) is var found && found is Undefined && arguments.Named.TryGetValue("default", out var fallback) ? fallback : found);
    }

    private static object? Extreme(List<object?> items, CallArguments arguments, TemplateBudget budget, int sign)
    {
        if (items.Count == 0)
            return new Undefined("the extreme of an empty list");
        var sensitive = arguments.Flag(0, "case_sensitive", false);
        var attribute = arguments.Get(1, "attribute", null);
        return items.Aggregate((best, item) => Math.Sign(TemplateValues.Compare(Key(item), Key(best))) == sign ? item : best);

        object? Key(object? item) => TemplateFilters.Fold(attribute is null ? item : Attribute(item, attribute, budget), sensitive);
    }

    private static List<object?> Sort(List<object?> items, CallArguments arguments, TemplateBudget budget)
    {
        var sensitive = arguments.Flag(1, "case_sensitive", false);
        var attribute = arguments.Get(2, "attribute", null);
        var comparer = Comparer<object?>.Create(TemplateValues.Compare);
        return arguments.Flag(0, "reverse", false)
            ? [.. items.OrderByDescending(Key, comparer)]
            : [.. items.OrderBy(Key, comparer)];

        object? Key(object? item) => attribute is string paths && paths.Contains(',')
            ? paths.Split(',').Select(path => TemplateFilters.Fold(Attribute(item, path, budget), sensitive)).ToList()
            : TemplateFilters.Fold(attribute is null ? item : Attribute(item, attribute, budget), sensitive);
    }

    private static List<object?> Unique(List<object?> items, CallArguments arguments, TemplateBudget budget)
    {
        var sensitive = arguments.Flag(0, "case_sensitive", false);
        var attribute = arguments.Get(1, "attribute", null);
        var seen = new TemplateDict();
        List<object?> result = [];
        foreach (var item in items)
        {
            var key = TemplateFilters.Fold(attribute is null ? item : Attribute(item, attribute, budget), sensitive);
            if (seen.TryAdd(key ?? new TemplateTuple([]), null))
                result.Add(item);
        }
        return result;
    }

    private static List<object?> GroupBy(List<object?> items, CallArguments arguments, TemplateBudget budget)
    {
        var attribute = arguments.Get(0, "attribute");
        List<object?> groups = [];
        foreach (var group in items.OrderBy(item => Attribute(item, attribute, budget), Comparer<object?>.Create(TemplateValues.Compare)))
        {
            var key = Attribute(group, attribute, budget);
            if (groups.Count > 0 && TemplateValues.AreEqual(((TemplateTuple)groups[^1]!)[0], key))
                ((List<object?>)((TemplateTuple)groups[^1]!)[1]!).Add(group);
            else
                groups.Add(new TemplateTuple([key, new List<object?> { group }]));
        }
        return groups;
    }

    private static List<object?> Batch(List<object?> items, CallArguments arguments)
    {
        var size = (int)Math.Clamp(arguments.Number(0, "linecount", 1), 1, 1 << 20);
        var batches = items.Chunk(size).Select(chunk => chunk.ToList()).ToList();
        if (arguments.Has(1, "fill_with") && batches.Count > 0 && size <= 10_000)
        {
            while (batches[^1].Count < size)
                batches[^1].Add(arguments.Get(1, "fill_with"));
        }
        return [.. batches];
    }

    private static List<object?> Slice(List<object?> items, CallArguments arguments, TemplateBudget budget)
    {
        var count = arguments.Number(0, "slices", 0);
        if (count < 1)
            throw new TemplateException("slice: at least one slice is needed");
        budget.Build(count);
        var fill = arguments.Get(1, "fill_with", null);
        List<object?> slices = [];
        var from = 0;
        for (var i = 0L; i < count; i++)
        {
            var longer = i < items.Count % count;
            var size = (int)(items.Count / count) + (longer ? 1 : 0);
            var slice = items.GetRange(from, size);
            from += size;
            if (fill is not null && !longer)
                slice.Add(fill);
            slices.Add(slice);
        }
        return slices;
    }

    private static object Reverse(List<object?> items, object? value)
    {
        var reversed = items.ToList();
        reversed.Reverse();
        return value is string ? string.Concat(reversed) : reversed;
    }
}
