using System.Globalization;
using System.Text;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>One curve of a chart.</summary>
/// <param name="Field">The step metric that it shows: what the script adds points by.</param>
/// <param name="Kind">Its class in the style sheet, which holds the colours.</param>
/// <param name="Dots">Few points, each worth a mark of its own.</param>
internal sealed record ChartLine(string Field, string Label, string Kind, IReadOnlyList<(double X, double Y)> Points, bool Dots = false);

/// <summary>
/// Curves over steps as SVG. The figure carries its scale, so that the script can add points where they belong and asks for a
/// new chart only when one falls outside.
/// </summary>
internal static class LineChart
{
    private const int Width = 520;
    private const int Height = 210;
    private const int Left = 52;
    private const int Right = 12;
    private const int Top = 12;
    private const int Bottom = 26;
    private const int MaxPoints = 400;

    /// <param name="totalSteps">Where the x axis ends, if the curves do not go further.</param>
    public static Html Draw(string title, int totalSteps, params IReadOnlyList<ChartLine> lines)
    {
        var all = lines.SelectMany(l => l.Points).ToList();
        if (all.Count == 0) return Html.Empty;
        var (low, high) = (all.Min(p => p.Y), all.Max(p => p.Y));
        var ticks = Ticks(low >= 0 && low < high / 2 ? 0 : low, high);
        var scale = new Scale(ticks[0], ticks[^1], Math.Max(Math.Max(1, totalSteps), all.Max(p => p.X)));
        var grid = Html.Join(ticks.Select(t => Html.Of(
            $"""<line x1="{Left}" x2="{Width - Right}" y1="{scale.Y(t):0.#}" y2="{scale.Y(t):0.#}"/><text x="{Left - 7}" y="{scale.Y(t) + 4:0.#}" text-anchor="end">{Number(t)}</text>""")));
        var axis = Html.Join(Ticks(0, scale.Last).Where(t => t <= scale.Last).Select(t => Html.Of($"""<text x="{scale.X(t):0.#}" y="{Height - 8}" text-anchor="middle">{t:0}</text>""")));
        return Html.Of($"""
            <figure class="chart" data-chart data-scale="{scale}" data-box="{Left} {Top} {Width - Right} {Height - Bottom}">
            <h3>{title}</h3>
            <svg viewBox="0 0 {Width} {Height}" role="img" aria-label="{Summary(title, lines)}">
            <g class="grid">{grid}{axis}</g>
            {Html.Join(lines.Select(l => Curve(l, scale)))}
            </svg>
            <figcaption>{Html.Join(lines.Where(l => l.Points.Count > 0).Select(Legend))}</figcaption>
            </figure>
            """);
    }

    /// <summary>Four to eight round values that enclose the range.</summary>
    internal static List<double> Ticks(double low, double high)
    {
        if (high - low <= Math.Abs(high) * 1e-9) high = low + (low == 0 ? 1 : Math.Abs(low));
        var raw = (high - low) / 5;
        var power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        var step = power * ((raw / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 });
        var ticks = new List<double>();
        for (var k = (long)Math.Floor(low / step); k <= (long)Math.Ceiling(high / step); k++) ticks.Add(k * step);
        return ticks;
    }

    /// <summary>As few digits as tell neighbours apart.</summary>
    internal static string Number(double value) => Math.Abs(value) switch
    {
        0 => "0",
        >= 10_000 => value.ToString("#,0", CultureInfo.InvariantCulture),
        < 0.001 => value.ToString("0.##e-0", CultureInfo.InvariantCulture),
        _ => value.ToString("0.####", CultureInfo.InvariantCulture),
    };

    private static Html Curve(ChartLine line, Scale scale)
    {
        var points = line.Dots ? line.Points : Thin(line.Points);
        var dots = line.Dots ? Html.Join(points.Select(p => Html.Of($"""<circle class="{line.Kind}" cx="{scale.X(p.X):0.#}" cy="{scale.Y(p.Y):0.#}" r="3"/>"""))) : Html.Empty;
        return Html.Of($"""<g><polyline class="{line.Kind}" data-field="{line.Field}" points="{Path(points, scale)}"/>{dots}</g>""");
    }

    private static Html Legend(ChartLine line) =>
        Html.Of($"""<span class="key {line.Kind}">{line.Label} <b data-last="{line.Field}">{Number(Rounded(line.Points[^1].Y))}</b></span>""");

    /// <summary>To four digits that count.</summary>
    private static double Rounded(double value) => value == 0 ? 0 : Math.Round(value, Math.Clamp(3 - (int)Math.Floor(Math.Log10(Math.Abs(value))), 0, 15));

    private static string Summary(string title, IReadOnlyList<ChartLine> lines) => string.Join("; ", lines.Where(l => l.Points.Count > 0).Select(l =>
        string.Create(CultureInfo.InvariantCulture, $"{(lines.Count == 1 ? title : l.Label)} from {Number(Rounded(l.Points[0].Y))} to {Number(Rounded(l.Points[^1].Y))} over steps {l.Points[0].X:0} to {l.Points[^1].X:0}")));

    /// <summary>At most <see cref="MaxPoints"/> points: means over equal runs of steps.</summary>
    private static IReadOnlyList<(double X, double Y)> Thin(IReadOnlyList<(double X, double Y)> points)
    {
        if (points.Count <= MaxPoints) return points;
        var size = (points.Count + MaxPoints - 1) / MaxPoints;
        return [.. points.Chunk(size).Select(c => (c[^1].X, c.Average(p => p.Y)))];
    }

    private static string Path(IReadOnlyList<(double X, double Y)> points, Scale scale)
    {
        var text = new StringBuilder();
        foreach (var p in points) text.Append(CultureInfo.InvariantCulture, $"{scale.X(p.X):0.#},{scale.Y(p.Y):0.#} ");
        return text.ToString();
    }

    private sealed record Scale(double Low, double High, double Last)
    {
        public double X(double step) => Left + (Width - Left - Right) * step / Last;

        public double Y(double value) => Height - Bottom - (Height - Top - Bottom) * (value - Low) / (High - Low);

        /// <summary>First and last step, lowest and highest value, as the script reads them.</summary>
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0 {Last:R} {Low:R} {High:R}");
    }
}
