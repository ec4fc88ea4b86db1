using System.Globalization;
using System.Text;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>Train and validation loss over steps as SVG; colours come from the style sheet.</summary>
public static class LossChart
{
    private const int Width = 760;
    private const int Height = 260;
    private const int Left = 52;
    private const int Right = 12;
    private const int Top = 12;
    private const int Bottom = 28;
    private const int MaxPoints = 400;

    public static Html Draw(IReadOnlyList<StepMetrics> steps, int totalSteps)
    {
        var train = steps.Where(s => s.TrainLoss is { } l && double.IsFinite(l)).Select(s => (X: (double)s.Step, Y: s.TrainLoss!.Value)).ToList();
        var valid = steps.Where(s => s.ValidLoss is { } l && double.IsFinite(l)).Select(s => (X: (double)s.Step, Y: s.ValidLoss!.Value)).ToList();
        if (train.Count + valid.Count == 0) return Html.Of($"""<p class="empty">The loss curve appears with the first step.</p>""");
        var all = train.Concat(valid).ToList();
        var ticks = Ticks(Math.Min(0, all.Min(p => p.Y)), all.Max(p => p.Y));
        var (low, high, right) = (ticks[0], ticks[^1], Math.Max(Math.Max(1, totalSteps), all.Max(p => p.X)));
        double X(double step) => Left + (Width - Left - Right) * step / right;
        double Y(double loss) => Height - Bottom - (Height - Top - Bottom) * (loss - low) / (high - low);
        var grid = Html.Join(ticks.Select(t => Html.Of(
            $"""<line x1="{Left}" x2="{Width - Right}" y1="{Y(t):0.#}" y2="{Y(t):0.#}"/><text x="{Left - 8}" y="{Y(t) + 4:0.#}" text-anchor="end">{t:0.###}</text>""")));
        var axis = Html.Join(Ticks(0, right).Where(t => t <= right).Select(t => Html.Of($"""<text x="{X(t):0.#}" y="{Height - 8}" text-anchor="middle">{t:0}</text>""")));
        var dots = Html.Join(valid.Select(p => Html.Of($"""<circle cx="{X(p.X):0.#}" cy="{Y(p.Y):0.#}" r="3"/>""")));
        return Html.Of($"""
            <figure class="chart">
            <svg viewBox="0 0 {Width} {Height}" role="img" aria-label="Loss over {all.Max(p => p.X):0} steps">
            <g class="grid">{grid}{axis}</g>
            <polyline class="train" points="{Points(Thin(train), X, Y)}"/>
            <polyline class="valid" points="{Points(valid, X, Y)}"/><g class="valid">{dots}</g>
            </svg>
            <figcaption><span class="key train">train loss {Last(train)}</span><span class="key valid">validation loss {Last(valid)}</span><span>step {all.Max(p => p.X):0} of {totalSteps}</span></figcaption>
            </figure>
            """);
    }

    /// <summary>Four to eight round values that enclose the range.</summary>
    internal static List<double> Ticks(double low, double high)
    {
        if (high - low < 1e-9) high = low + 1;
        var raw = (high - low) / 5;
        var power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        var step = power * ((raw / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 });
        var ticks = new List<double>();
        for (var k = (int)Math.Floor(low / step); k <= (int)Math.Ceiling(high / step); k++) ticks.Add(k * step);
        return ticks;
    }

    /// <summary>At most <see cref="MaxPoints"/> points: means over equal runs of steps.</summary>
    private static List<(double X, double Y)> Thin(List<(double X, double Y)> points)
    {
        if (points.Count <= MaxPoints) return points;
        var size = (points.Count + MaxPoints - 1) / MaxPoints;
        return [.. points.Chunk(size).Select(c => (c[^1].X, c.Average(p => p.Y)))];
    }

    private static string Points(List<(double X, double Y)> points, Func<double, double> x, Func<double, double> y)
    {
        var text = new StringBuilder();
        foreach (var p in points) text.Append(CultureInfo.InvariantCulture, $"{x(p.X):0.#},{y(p.Y):0.#} ");
        return text.ToString();
    }

    private static string Last(List<(double X, double Y)> points) =>
        points.Count == 0 ? "–" : points[^1].Y.ToString("0.0000", CultureInfo.InvariantCulture);
}
