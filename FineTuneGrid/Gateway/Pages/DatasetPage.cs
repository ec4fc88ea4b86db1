using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Datasets;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Gateway.Pages;

/// <summary><c>/datasets/{id}</c>: what a data set holds, what its check found, and how long its rows are.</summary>
public static class DatasetPage
{
    private const int FilesShown = 50;
    private const int FormsShown = 5;

    public static void MapDatasetPage(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/datasets/{id}", ShowAsync).RequireAuthorization(Policies.Page).ExcludeFromDescription();

    private static async Task<IResult> ShowAsync(HttpContext context, NameResolver names, IBlobStore store, string id)
    {
        var data = await names.DatasetAsync(context.Caller(), id, null);
        var error = data.Error is { } e ? Html.Of($"""<div class="notice bad" role="alert"><b>{e.Code}</b> {e.Message}{Findings.List(e)}</div>""") : Html.Empty;
        var files = Format.Table("Files", ["Path", "Size", "SHA-256"], data.Files.Take(FilesShown).Select(f => (Html[])
            [Html.Of($"{f.Path}"), Html.Of($"{Format.Bytes(f.Length)}"), Html.Of($"""<code title="{f.Sha256}">{Format.Short(f.Sha256, 16)}</code>""")]), "No files yet.");
        var tokens = await TokensAsync(store, data.Id, context.RequestAborted);
        return Layout.Page(context, data.Name, Html.Of($"""
            {Layout.Title(Html.Of($"{data.Name}"), RegistryPages.Status(data.Status))}
            {error}
            {Facts(data)}
            {Statistics(data.Manifest)}
            {tokens}
            <h2>Files</h2>{files}
            """));
    }

    private static Html Facts(DatasetView data) => Format.Facts(
    [
        ("Organisation", Html.Of($"{data.Org}")), ("Format", Format.Text(data.Manifest?.Format)), ("Rows", Html.Of($"{Format.Count(data.Manifest?.Rows)}")),
        ("Columns", Format.Text(data.Manifest is { } m ? string.Join(", ", m.Columns) : null)), ("Shards", Html.Of($"{Format.Count(data.Manifest?.Shards.Count)}")),
        ("Size", Html.Of($"{Format.Bytes(data.Files.Sum(f => f.Length))}")), ("Licence", Format.Text(data.License)), ("Added", Format.Time(data.CreatedAt)),
        ("Digest", data.Manifest is { } found ? Html.Of($"""<code title="{found.Digest}">{Format.Short(found.Digest, 16)}</code>""") : Html.Of($"–")), ("Id", Html.Of($"<code>{data.Id}</code>")),
    ]);

    private static Html Statistics(DatasetManifest? manifest)
    {
        if (manifest?.Statistics is not { } statistics) return Html.Empty;
        var samples = Html.Join(statistics.Samples.Select(s => Html.Of($"""<pre class="sample" tabindex="0">{s}</pre>""")));
        var unit = manifest.Format == "tokens" ? "tokens" : "characters";
        return Html.Of($"<h2>Length of rows</h2>{Histogram.Draw(statistics.Characters, unit)}<h2>First rows</h2>{samples}");
    }

    /// <summary>The forms that jobs had made of it: for each base model's tokenizer and sequence length one.</summary>
    private static async Task<Html> TokensAsync(IBlobStore store, string id, CancellationToken ct)
    {
        var forms = new List<TokenIndex>();
        await foreach (var blob in store.ListAsync($"datasets/{id}/tokens/", ct))
        {
            if (!blob.Key.EndsWith("/index.json", StringComparison.Ordinal)) continue;
            if (await store.ReadJsonAsync<TokenIndex>(blob.Key, GridJson.Options, ct) is var (_, index)) forms.Add(index);
            if (forms.Count == FormsShown) break;
        }
        if (forms.Count == 0) return Html.Empty;
        var table = Format.Table("Tokenised forms", ["Format", "Sequence length", "Examples", "Tokens", "Learnt", "Longest"], forms.Select(f => (Html[])
        [
            Html.Of($"{f.Format}"), Html.Of($"{f.SequenceLength}"), Html.Of($"{Format.Count(f.Examples)}"), Html.Of($"{Format.Count(f.Tokens)}"), Html.Of($"{Format.Count(f.SupervisedTokens)}"), Html.Of($"{Format.Count(f.LongestExample)}"),
        ]), "");
        return Html.Of($"<h2>As tokens, made for jobs</h2>{table}{Html.Join(forms.Where(f => f.Lengths is not null).Select(f => Histogram.Draw(f.Lengths!, "tokens")))}");
    }
}
