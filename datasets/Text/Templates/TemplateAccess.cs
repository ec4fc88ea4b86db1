namespace FineTuneGrid.Text.Templates;

/// <summary>value.name, value[key] and value[a:b:c].</summary>
internal static class TemplateAccess
{
    /// <summary>As Jinja: a method of the value first, then an item of that key.</summary>
    public static object? Attribute(object? target, string name, TemplateBudget budget)
    {
        switch (target)
        {
            case Undefined undefined:
                throw undefined.Error();
            case TemplateNamespace space:
                return space.Values.TryGetValue(name, out var value) ? value : new Undefined($"namespace has no attribute '{name}', which");
            case TemplateLoop loop:
                return loop.Attribute(name);
        }
        if (TemplateMethods.Find(target, name, budget) is { } method)
            return method;
        if (target is TemplateDict dict && dict.TryGetValue(name, out var item))
            return item;
        return new Undefined($"'{TemplateValues.TypeName(target)}' has no attribute '{name}', which");
    }

    /// <summary>As Jinja: an item first, then an attribute.</summary>
    public static object? Item(object? target, object? key, TemplateBudget budget)
    {
        if (target is Undefined undefined)
            throw undefined.Error();
        if (target is TemplateDict dict && key is not null && dict.TryGetValue(key, out var item))
            return item;
        if (target is List<object?> list && key is long or bool)
        {
            var index = Position(TemplateValues.AsWhole(key), list.Count);
            return index is { } at ? list[at] : new Undefined("an element beyond the end of a list, which");
        }
        if (target is string text && key is long or bool)
        {
            var elements = TemplateValues.Items(text);
            return Position(TemplateValues.AsWhole(key), elements.Count) is { } at ? elements[at] : new Undefined("a character beyond the end of a string, which");
        }
        if (key is string name)
            return Attribute(target, name, budget);
        return new Undefined($"'{TemplateValues.TypeName(target)}' has no element {TemplateValues.Represent(key is Undefined ? null : key)}, which");
    }

    public static object? Slice(object? target, object? start, object? stop, object? step, TemplateBudget budget)
    {
        if (target is Undefined undefined)
            throw undefined.Error();
        if (target is not (string or List<object?>))
            throw new TemplateException($"{TemplateValues.TypeName(target)} cannot be sliced");
        var stride = Bound(step) ?? 1;
        if (stride == 0)
            throw new TemplateException("a slice step of 0");
        if (target is string ascii && stride == 1 && ascii.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
        {
            var (from, to) = Clamp(Bound(start), Bound(stop), stride, ascii.Length);
            budget.Build(Math.Max(0, to - from));
            return from < to ? ascii[(int)from..(int)to] : "";
        }
        var items = TemplateValues.Items(target);
        budget.Build(items.Count);
        var (first, last) = Clamp(Bound(start), Bound(stop), stride, items.Count);
        List<object?> result = [];
        for (var i = first; stride > 0 ? i < last : i > last; i += stride)
            result.Add(items[(int)i]);
        return target is string ? string.Concat(result) : target is TemplateTuple ? new TemplateTuple(result) : result;
    }

    private static long? Bound(object? value) => value switch
    {
        null => null,
        long or bool => Math.Clamp(TemplateValues.AsWhole(value), -int.MaxValue, int.MaxValue),
        _ => throw new TemplateException($"a slice bound must be a whole number, not {TemplateValues.TypeName(value)}"),
    };

    private static (long First, long Last) Clamp(long? start, long? stop, long step, int count)
    {
        long low = step > 0 ? 0 : -1, high = step > 0 ? count : count - 1;
        return (Fit(start, step > 0 ? low : high), Fit(stop, step > 0 ? high : low));

        long Fit(long? value, long fallback) => value is { } v ? Math.Clamp(v < 0 ? v + count : v, low, high) : fallback;
    }

    private static int? Position(long index, int count)
    {
        var at = index < 0 ? index + count : index;
        return at >= 0 && at < count ? (int)at : null;
    }
}
