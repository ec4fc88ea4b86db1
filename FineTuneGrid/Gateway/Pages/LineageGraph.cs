using FineTuneGrid.Contracts.Adapters;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>A version and what it came from.</summary>
/// <param name="Adapter"><c>org/name@version</c>.</param>
internal sealed record LineageStep(string Adapter, AdapterVersionView Version);

/// <summary>
/// Where an adapter's version comes from, as SVG: a row for each version, oldest first, with base and data on the left, the job in
/// the middle and what it made on the right, which the next row's job went on from.
/// </summary>
internal static class LineageGraph
{
    private const int BoxWidth = 220;
    private const int BoxHeight = 44;
    private const int Between = 70;
    private const int RowHeight = 132;
    private const int LineLength = 30;

    private sealed record Box(int X, int Y, string Kind, string Title, string Text, string? Href)
    {
        public int Right => X + BoxWidth;

        public int Middle => Y + BoxHeight / 2;
    }

    /// <param name="steps">Oldest first; the last is the version itself.</param>
    public static Html Draw(IReadOnlyList<LineageStep> steps)
    {
        var (boxes, edges) = (new List<Box>(), new List<Html>());
        Box? parent = null;
        for (var i = 0; i < steps.Count; i++) parent = Row(steps[i], 10 + i * RowHeight, parent, boxes, edges);
        var (width, height) = (3 * BoxWidth + 2 * Between + 20, steps.Count * RowHeight);
        return Html.Of($"""
            <figure class="chart lineage">
            <svg viewBox="0 0 {width} {height}" role="group" aria-label="Lineage of {steps[^1].Adapter}: {Words(steps)}">
            {Html.Join(edges)}{Html.Join(boxes.Select(Draw))}
            </svg>
            </figure>
            """);
    }

    private static Box Row(LineageStep step, int y, Box? parent, List<Box> boxes, List<Html> edges)
    {
        var lineage = step.Version.Lineage;
        var (middle, centre) = (10 + BoxWidth + Between, y + RowHeight / 2 - BoxHeight / 2 - 8);
        var result = new Box(middle + BoxWidth + Between, centre, "result", step.Adapter, lineage.Kind == "full" ? "full model" : $"{lineage.Kind}, made {step.Version.CreatedAt:yyyy-MM-dd}",
            $"/adapters/{step.Adapter[..step.Adapter.IndexOf('@')]}?version={step.Version.Version}");
        var job = lineage.JobId is { } id ? new Box(middle, centre, "job", "Job", Format.Short(id, LineLength), $"/jobs/{id}") : new Box(middle, centre, "job", "Pushed", "trained elsewhere", null);
        edges.Add(Arrow(job, result));
        if (lineage.BaseModel is { } name) Input(new Box(10, y, "base", name, $"base model {Digest(lineage.BaseDigest)}", null));
        if (lineage.Dataset is { } data) Input(new Box(10, y + BoxHeight + 14, "data", data, $"data set {Digest(lineage.DatasetDigest)}", null));
        if (parent is not null) edges.Add(Html.Of($"""<path class="edge" d="M {parent.X + BoxWidth / 2} {parent.Y + BoxHeight} C {parent.X + BoxWidth / 2} {job.Y - 20}, {job.X + BoxWidth / 2} {parent.Y + BoxHeight + 20}, {job.X + BoxWidth / 2} {job.Y}"/>"""));
        boxes.AddRange([job, result]);
        return result;

        void Input(Box input)
        {
            boxes.Add(input);
            edges.Add(Arrow(input, job));
        }
    }

    private static Html Arrow(Box from, Box to)
    {
        var bend = (from.Right + to.X) / 2;
        return Html.Of($"""<path class="edge" d="M {from.Right} {from.Middle} C {bend} {from.Middle}, {bend} {to.Middle}, {to.X} {to.Middle}"/><circle class="edge-end" cx="{to.X}" cy="{to.Middle}" r="3"/>""");
    }

    private static Html Draw(Box box)
    {
        var drawn = Html.Of($"""
            <rect class="box {box.Kind}" x="{box.X}" y="{box.Y}" width="{BoxWidth}" height="{BoxHeight}" rx="8"/>
            <text class="name" x="{box.X + 12}" y="{box.Y + 18}">{Cut(box.Title)}</text> <text x="{box.X + 12}" y="{box.Y + 35}">{Cut(box.Text)}</text>
            """);
        return box.Href is null ? drawn : Html.Of($"""<a href="{box.Href}">{drawn}</a>""");
    }

    private static string Digest(string? digest) => digest is null ? "" : Format.Short(digest, 12);

    private static string Cut(string text) => text.Length <= LineLength ? text : text[..(LineLength - 1)] + "…";

    private static string Words(IReadOnlyList<LineageStep> steps) => string.Join("; ", steps.Select(s =>
        $"{s.Adapter} from base {s.Version.Lineage.BaseModel ?? "unknown"}, data {s.Version.Lineage.Dataset ?? "unknown"}, {(s.Version.Lineage.JobId is { } id ? "job " + id : "pushed")}"));
}
