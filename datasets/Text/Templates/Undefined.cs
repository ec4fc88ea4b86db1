namespace FineTuneGrid.Text.Templates;

/// <summary>The value of what is not there: prints as nothing, is false, has no elements; anything else with it is an error.</summary>
internal sealed class Undefined(string name)
{
    public string Name { get; } = name;

    public TemplateException Error() => new($"{Name} is undefined");
}

/// <summary>A tuple: a list that prints with parentheses.</summary>
internal sealed class TemplateTuple(IEnumerable<object?> items) : List<object?>(items);

/// <summary>A mapping in insertion order. Keys are strings, numbers or booleans.</summary>
internal sealed class TemplateDict : OrderedDictionary<object, object?>
{
    public TemplateDict() : base(KeyComparer.Instance)
    {
    }

    private sealed class KeyComparer : IEqualityComparer<object>
    {
        public static readonly KeyComparer Instance = new();

        public new bool Equals(object? left, object? right) => TemplateValues.AreEqual(left, right);

        public int GetHashCode(object key) => key switch
        {
            string text => text.GetHashCode(StringComparison.Ordinal),
            bool flag => flag ? 1 : 0,
            long number => number.GetHashCode(),
            double real when real == Math.Floor(real) && Math.Abs(real) < 1e15 => ((long)real).GetHashCode(),
            double real => real.GetHashCode(),
            _ => throw new TemplateException($"a {TemplateValues.TypeName(key)} cannot be a key"),
        };
    }
}

/// <summary>The one object that templates may change: <c>namespace(...)</c>.</summary>
internal sealed class TemplateNamespace(TemplateDict values)
{
    public TemplateDict Values { get; } = values;
}

/// <summary>Something that templates can call.</summary>
internal sealed class TemplateFunction(string name, Func<CallArguments, object?> body)
{
    public string Name { get; } = name;

    public object? Call(CallArguments arguments) => body(arguments);
}

/// <summary>The arguments of a call, with typed access.</summary>
internal sealed class CallArguments(string callee, List<object?> positional, Dictionary<string, object?> named)
{
    public string Callee { get; } = callee;

    public List<object?> Positional { get; } = positional;

    public Dictionary<string, object?> Named { get; } = named;

    public bool Has(int index, string name) => index < Positional.Count || Named.ContainsKey(name);

    public object? Get(int index, string name) => index < Positional.Count
        ? Positional[index]
        : Named.TryGetValue(name, out var value) ? value : throw new TemplateException($"{Callee} needs the argument {name}");

    public object? Get(int index, string name, object? fallback) => Has(index, name) ? Get(index, name) : fallback;

    public string Text(int index, string name) => Get(index, name) as string
        ?? throw new TemplateException($"{Callee}: {name} must be a string, not {TemplateValues.TypeName(Get(index, name))}");

    public long Number(int index, string name, long fallback) => Get(index, name, fallback) switch
    {
        long number => number,
        bool flag => flag ? 1 : 0,
        var other => throw new TemplateException($"{Callee}: {name} must be a whole number, not {TemplateValues.TypeName(other)}"),
    };

    public bool Flag(int index, string name, bool fallback) => Has(index, name) ? TemplateValues.IsTrue(Get(index, name)) : fallback;
}
