using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Gateway.Pages;

internal static class Format
{
    public static Html Status(JobStatus status)
    {
        var name = status.ToString().ToLowerInvariant();
        return Html.Of($"""<span class="status {name}">{name}</span>""");
    }

    public static Html Progress(JobProgress progress)
    {
        if (progress.TotalSteps == 0) return Html.Of($"–");
        return Html.Of($"""<progress max="{progress.TotalSteps}" value="{progress.Step}"></progress> <span class="nowrap">{progress.Step} / {progress.TotalSteps}</span>""");
    }

    public static string Duration(double? seconds) => seconds is not { } s ? "–" : TimeSpan.FromSeconds(Math.Max(0, s)) switch
    {
        { TotalHours: >= 1 } t => $"{(int)t.TotalHours} h {t.Minutes} min",
        { TotalMinutes: >= 1 } t => $"{t.Minutes} min {t.Seconds} s",
        var t => $"{t.Seconds} s",
    };

    public static Html Time(DateTimeOffset? time) => time is not { } t ? Html.Of($"–")
        : Html.Of($"""<time datetime="{t:O}">{t:yyyy-MM-dd HH:mm:ss}</time>""");

    public static string Bytes(double bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        var unit = 0;
        for (; bytes >= 1024 && unit < units.Length - 1; unit++) bytes /= 1024;
        return string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{bytes:0.#} {units[unit]}");
    }

    /// <summary>A table; a row is its cells.</summary>
    public static Html Table(string caption, string[] titles, IEnumerable<Html[]> rows, string whenEmpty)
    {
        var body = rows.Select(r => Html.Of($"<tr>{Html.Join(r.Select(c => Html.Of($"<td>{c}</td>")))}</tr>")).ToList();
        if (body.Count == 0) return Html.Of($"""<p class="empty">{whenEmpty}</p>""");
        var head = Html.Join(titles.Select(t => Html.Of($"""<th scope="col">{t}</th>""")));
        return Html.Of($"""<div class="scroll"><table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{Html.Join(body)}</tbody></table></div>""");
    }
}
