using System.Globalization;
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
        return Html.Of($"""<progress aria-label="Progress" max="{progress.TotalSteps}" value="{progress.Step}"></progress> <span class="nowrap">{progress.Step} / {progress.TotalSteps}</span>""");
    }

    public static string Duration(double? seconds) => seconds is not { } s ? "–" : TimeSpan.FromSeconds(Math.Max(0, s)) switch
    {
        { TotalHours: >= 1 } t => $"{(int)t.TotalHours} h {t.Minutes} min",
        { TotalMinutes: >= 1 } t => $"{t.Minutes} min {t.Seconds} s",
        var t => $"{t.Seconds} s",
    };

    /// <summary>A loss or another small figure.</summary>
    public static string Figure(double? value) => value?.ToString("0.0000", CultureInfo.InvariantCulture) ?? "–";

    public static string Count(double? value) => value?.ToString("#,0", CultureInfo.InvariantCulture) ?? "–";

    /// <summary>The head of an id or a digest, which is enough for people to tell it apart.</summary>
    public static string Short(string id, int length = 14) => id[..Math.Min(length, id.Length)];

    public static Html JobLink(string id, string? name = null) => string.IsNullOrWhiteSpace(name)
        ? Html.Of($"""<a class="nowrap" href="/jobs/{id}">{Short(id)}</a>""") : Html.Of($"""<a href="/jobs/{id}">{name}</a>""");

    public static Html Facts(params IEnumerable<(string Name, Html Value)> facts) =>
        Html.Of($"""<dl class="facts">{Html.Join(facts.Select(f => Html.Of($"<div><dt>{f.Name}</dt><dd>{f.Value}</dd></div>")))}</dl>""");

    public static Html Text(string? text) => Html.Of($"{(string.IsNullOrEmpty(text) ? "–" : text)}");

    public static Html Time(DateTimeOffset? time) => time is not { } t ? Html.Of($"–")
        : Html.Of($"""<time datetime="{t:O}">{t:yyyy-MM-dd HH:mm:ss}</time>""");

    public static string Bytes(double bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        var unit = 0;
        for (; bytes >= 1024 && unit < units.Length - 1; unit++) bytes /= 1024;
        return string.Create(CultureInfo.InvariantCulture, $"{bytes:0.#} {units[unit]}");
    }

    /// <summary>A table; a row is its cells.</summary>
    public static Html Table(string caption, string[] titles, IEnumerable<Html[]> rows, string whenEmpty)
    {
        var body = rows.Select(r => Html.Of($"<tr>{Html.Join(r.Select(c => Html.Of($"<td>{c}</td>")))}</tr>")).ToList();
        if (body.Count == 0) return Html.Of($"""<p class="empty">{whenEmpty}</p>""");
        var head = Html.Join(titles.Select(t => Html.Of($"""<th scope="col">{t}</th>""")));
        return Html.Of($"""<div class="scroll" tabindex="0" role="region" aria-label="{caption}"><table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{Html.Join(body)}</tbody></table></div>""");
    }
}
