using System.Numerics;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>Lengths of rows as bars over a logarithmic axis, four a doubling or one, with what they come to in words.</summary>
internal static class Histogram
{
    private const int Width = 720;
    private const int Height = 200;
    private const int Left = 60;
    private const int Right = 10;
    private const int Top = 14;
    private const int Bottom = 26;
    private const int Gap = 2;
    private const int MostBars = 24;
    private const int MostMarks = 12;

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
        var every = (bars.Count + MostMarks - 1) / MostMarks;
        var axis = Html.Join(bars.Select((b, i) => i % every != 0 ? Html.Empty : Html.Of($"""<text x="{Left + i * width:0.#}" y="{Height - 8}" text-anchor="middle">{b.From}</text>""")));
        return Html.Of($"""
            <figure class="chart histogram">
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

    /// <summary>Bars from the shortest to the longest, empty ones too: the ranges that were counted, or whole doublings where those would be many.</summary>
    private static List<LengthRange> Bars(LengthHistogram lengths)
    {
        var fine = Bars(lengths, Next);
        return fine.Count <= MostBars ? fine : Bars(lengths, from => Math.Max(1, from * 2));
    }

    private static List<LengthRange> Bars(LengthHistogram lengths, Func<long, long> next)
    {
        var from = 0L;
        while (next(from) <= lengths.Shortest) from = next(from);
        var bars = new List<LengthRange>();
        for (; from <= lengths.Longest; from = next(from))
            bars.Add(new LengthRange(from, next(from), lengths.Ranges.Where(r => r.From >= from && r.From < next(from)).Sum(r => r.Count)));
        return bars;
    }

    /// <summary>Where the range behind the one that begins here begins: a quarter of a power of two further.</summary>
    private static long Next(long from) => from < 4 ? from + 1 : from + (1L << (BitOperations.Log2((ulong)from) - 2));
}
