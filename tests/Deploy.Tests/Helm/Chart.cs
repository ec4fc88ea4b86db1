using System.Text;

namespace FineTuneGrid.Deploy.Helm;

/// <summary>The chart, rendered as release <c>grid</c> in the namespace <c>tuning</c>.</summary>
internal sealed class Chart
{
    public const string Folder = "deploy/helm/finetunegrid";

    private readonly Dictionary<string, IReadOnlyList<Part>> _defined = [];
    private readonly Dictionary<string, IReadOnlyList<Part>> _files = [];
    private readonly Dictionary<string, object?> _dot;

    /// <param name="values">YAML over the chart's own values.</param>
    public Chart(string values)
    {
        var meta = Values.Read(Repository.Read($"{Folder}/Chart.yaml"));
        var all = Values.Read(Repository.Read($"{Folder}/values.yaml"));
        Values.Merge(all, Values.Read(values));
        _dot = new()
        {
            ["Values"] = all,
            ["Chart"] = new Dictionary<string, object?> { ["Name"] = meta["name"], ["Version"] = meta["version"], ["AppVersion"] = meta["appVersion"] },
            ["Release"] = new Dictionary<string, object?> { ["Name"] = "grid", ["Namespace"] = "tuning", ["Service"] = "Helm" },
        };
        foreach (var file in Templates) _files[file] = TemplateParser.Parse(Repository.Read(file), file, _defined);
    }

    public static IReadOnlyList<string> Templates { get; } = [.. Repository.Files($"{Folder}/templates").Order(StringComparer.Ordinal)];

    public IReadOnlyList<Tree> Objects() =>
        [.. _files.Keys.Where(f => f.EndsWith(".yaml", StringComparison.Ordinal)).SelectMany(f => Tree.Parse(Render(f), f))];

    public string Render(string file) => Render(_files[file], _dot);

    private string Render(IReadOnlyList<Part> parts, object? dot)
    {
        var text = new StringBuilder();
        foreach (var part in parts) text.Append(Render(part, dot));
        return text.ToString();
    }

    private string Render(Part part, object? dot)
    {
        switch (part)
        {
            case Literal literal:
                return literal.Text;
            case Output output:
                return Expression.Text(Expression.Evaluate(output.Expression, dot, Include));
            case Choice choice:
                foreach (var (condition, parts) in choice.Branches)
                {
                    var value = condition is null ? true : Expression.Evaluate(condition, dot, Include);
                    if (Expression.IsTrue(value)) return Render(parts, choice.Rebinds && condition is not null ? value : dot);
                }
                return "";
            default:
                throw new InvalidOperationException(part.ToString());
        }
    }

    private string Include(string name, object? dot) => Render(_defined[name], dot);
}
