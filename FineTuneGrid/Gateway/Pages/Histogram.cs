using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>Lengths of rows as bars over a logarithmic axis, one a doubling, with what they come to in words.</summary>
internal static class Histogram
{
    private const int Width = 720;
    private const int Height = 200;
    private const int Left = 60;
    private const int Right = 10;
    private const int Top = 14;
    private const int Bottom = 26;
    private const int Gap = 4;

    /// <param name="unit">What is counted: characters, tokens.</param>
    public static Html Draw(LengthHistogram lengths, string unit)
    {
        var bars = Bars(lengths);
        var ticks = LineChart.Ticks(0, bars.Max(b => b.Count));
        var width = (double)(Width - Left - Right) / bars.Count;
        double Y(double count) => Height - Bottom - (Height - Top - Bottom) * count / ticks[^1];
        var grid = Html.Join(ticks.Where(t => t % 1 == 0).Select(t => Html.Of(
            $"""<line x1="{Left}" x2="{Width - Right}" y1="{Y(t):0.#}" y2="{Y(t):0.#}"/><text x="{Left - 7}" y="{Y(t) + 4:0.#}" text-anchor="end">{LineChart.Number(t)}</text>""")));
        var marks = Html.Join(bars.Select((b, i) => Html.Of(
            $"""<rect x="{Left + i * width + Gap / 2.0:0.#}" y="{Y(b.Count):0.#}" width="{width - Gap:0.#}" height="{Height - Bottom - Y(b.Count):0.#}"><title>{b.From} to {b.Below - 1} {unit}: {b.Count} rows</title></rect>""")));
        var axis = Html.Join(bars.Select((b, i) => Html.Of($"""<text x="{Left + i * width:0.#}" y="{Height - 8}" text-anchor="middle">{b.From}</text>""")));
        return Html.Of($"""
            <figure class="chart">
            <svg viewBox="0 0 {Width} {Height}" role="img" aria-label="{Words(lengths, unit)}">
            <g class="grid">{grid}{axis}</g><g class="bars">{marks}</g>
            </svg>
            <figcaption>{Words(lengths, unit)}</figcaption>
            </figure>
            """);
    }

    private static string Words(LengthHistogram lengths, string unit) =>
        $"{Format.Count(lengths.Count)} rows of {Format.Count(lengths.Shortest)} to {Format.Count(lengths.Longest)} {unit}; mean {Format.Count(lengths.Mean)}, "
        + $"half of them at most {Format.Count(lengths.AtMost(0.5))}, 95 % at most {Format.Count(lengths.AtMost(0.95))}";

    /// <summary>One bar a doubling from the shortest to the longest, empty ones too.</summary>
    private static List<LengthRange> Bars(LengthHistogram lengths)
    {
        var bars = new List<LengthRange>();
        var from = 1L;
        while (from * 2 <= lengths.Shortest) from *= 2;
        if (lengths.Shortest == 0) bars.Add(new LengthRange(0, 1, Sum(lengths, 0, 1)));
        for (; from <= lengths.Longest; from *= 2) bars.Add(new LengthRange(from, from * 2, Sum(lengths, from, from * 2)));
        return bars;
    }

    private static long Sum(LengthHistogram lengths, long from, long below) => lengths.Ranges.Where(r => r.From >= from && r.From < below).Sum(r => r.Count);
}
