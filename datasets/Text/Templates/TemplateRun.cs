using System.Text;

namespace FineTuneGrid.Text.Templates;

/// <summary>The state of one rendering.</summary>
internal sealed class TemplateRun
{
    private readonly StringBuilder _root = new();
    private int _macroDepth;

    public TemplateRun(long maximumSteps) => (Output, Budget) = (_root, new TemplateBudget(maximumSteps));

    public TemplateBudget Budget { get; }

    public StringBuilder Output { get; private set; }

    /// <summary>Ranges of the output that {% generation %} marked.</summary>
    public List<(int Start, int End)> Spans { get; } = [];

    public bool AtRoot => ReferenceEquals(Output, _root);

    public void Write(string text)
    {
        Budget.Build(text.Length);
        if (Output.Length + text.Length > TemplateBudget.MaximumText)
            throw new TemplateException($"the template writes more than {TemplateBudget.MaximumText} characters");
        Output.Append(text);
    }

    /// <summary>Runs a part and returns what it wrote instead of writing it.</summary>
    public string Capture(Action part)
    {
        if (++_macroDepth > 100)
            throw new TemplateException("macros call each other too deeply");
        var outer = Output;
        Output = new StringBuilder();
        try
        {
            part();
            return Output.ToString();
        }
        finally
        {
            Output = outer;
            _macroDepth--;
        }
    }
}

/// <summary>Names visible at a place of the template.</summary>
internal sealed class TemplateScope(TemplateRun run, TemplateScope? parent)
{
    private readonly Dictionary<string, object?> _names = new(StringComparer.Ordinal);

    public TemplateRun Run { get; } = run;

    public object? this[string name]
    {
        get
        {
            for (var scope = this; scope is not null; scope = scope.Parent)
            {
                if (scope._names.TryGetValue(name, out var value))
                    return value;
            }
            return new Undefined($"'{name}'");
        }
        set => _names[name] = value;
    }

    private TemplateScope? Parent { get; } = parent;

    public TemplateScope Inner() => new(Run, this);
}
