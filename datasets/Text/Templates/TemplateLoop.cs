namespace FineTuneGrid.Text.Templates;

/// <summary>
/// The variable <c>loop</c>, and the way through the items. A filter is asked as late as possible, since the body may change
/// what it sees; asking for the length or the next item asks it ahead, as in Jinja.
/// </summary>
internal sealed class TemplateLoop(List<object?> items, Func<object?, bool>? filter, int depth, Func<object?, object?>? recurse)
{
    private readonly List<object?> _chosen = [];
    private int _seen;
    private object? _last;
    private bool _asked;

    public int Index { get; private set; } = -1;

    public object? Item => _chosen[Index];

    public bool MoveNext()
    {
        if (!Reach(Index + 1))
            return false;
        Index++;
        return true;
    }

    public object? Attribute(string name) => name switch
    {
        "index" => Index + 1L,
        "index0" => (long)Index,
        "revindex" => Length - Index,
        "revindex0" => Length - Index - 1,
        "first" => Index == 0,
        "last" => !Reach(Index + 1),
        "length" => Length,
        "previtem" => Index > 0 ? _chosen[Index - 1] : new Undefined("there is no previous item, which"),
        "nextitem" => Reach(Index + 1) ? _chosen[Index + 1] : new Undefined("there is no next item, which"),
        "depth" => depth + 1L,
        "depth0" => (long)depth,
        "cycle" => new TemplateFunction("loop.cycle", a => a.Positional.Count == 0 ? throw new TemplateException("loop.cycle needs values") : a.Positional[Index % a.Positional.Count]),
        "changed" => new TemplateFunction("loop.changed", Changed),
        _ => new Undefined($"loop has no attribute '{name}', which"),
    };

    /// <summary>loop(children) of a recursive loop.</summary>
    public TemplateFunction? Call => recurse is null ? null : new TemplateFunction("loop", a => recurse(a.Get(0, "iterable")));

    private long Length
    {
        get
        {
            Reach(int.MaxValue);
            return _chosen.Count;
        }
    }

    /// <summary>Chooses items until there is one at the index; false where they end before it.</summary>
    private bool Reach(int index)
    {
        while (_chosen.Count <= index && _seen < items.Count)
        {
            var item = items[_seen++];
            if (filter is null || filter(item))
                _chosen.Add(item);
        }
        return index < _chosen.Count;
    }

    private object? Changed(CallArguments arguments)
    {
        var value = new TemplateTuple(arguments.Positional);
        var changed = !_asked || !TemplateValues.AreEqual(_last, value);
        (_asked, _last) = (true, value);
        return changed;
    }
}
