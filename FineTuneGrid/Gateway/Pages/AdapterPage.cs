using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Audit;
using FineTuneGrid.Storage;
using Microsoft.AspNetCore.Antiforgery;

namespace FineTuneGrid.Gateway.Pages;

/// <summary><c>/adapters/{org}/{name}</c>: a version's card, metrics beside the other versions', lineage, files, ways to pull it, and a box to try it.</summary>
public static class AdapterPage
{
    private const string CardFile = "README.md";
    private const int LongestCard = 256 << 10;
    private const int MostAncestors = 6;

    public static void MapAdapterPage(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/adapters/{org}/{name}", ShowAsync).RequireAuthorization(Policies.Page).ExcludeFromDescription();
        routes.MapPost("/adapters/{org}/{name}", TryAsync).RequireAuthorization(Policies.PageMember).ExcludeFromDescription().Audited(AuditMode.Never);
        routes.MapGet("/adapters/{org}/{name}/files/{version}/{**path}", FileAsync).RequireAuthorization(Policies.Page).ExcludeFromDescription();
    }

    private static async Task<IResult> ShowAsync(HttpContext context, NameResolver names, IBlobStore store, string org, string name, string? version)
    {
        var adapter = await names.AdapterAsync(context.Caller(), org, name);
        var shown = NameResolver.Version(adapter, version);
        return await PageAsync(context, names, store, adapter, shown, await FirstQuestionAsync(names, context.Caller(), adapter, shown), Html.Empty);
    }

    /// <summary>The script asks for the answers alone; without it the whole page comes back with them.</summary>
    private static async Task<IResult> TryAsync(HttpContext context, IAntiforgery antiforgery, NameResolver names, IBlobStore store, TryBox box, string org, string name, string? version)
    {
        await SessionPages.CheckFormAsync(context, antiforgery);
        var adapter = await names.AdapterAsync(context.Caller(), org, name);
        var chosen = NameResolver.Version(adapter, version);
        var question = TryQuestion.Read(await context.Request.ReadFormAsync());
        var answers = await box.AnswerAsync(context.Caller(), $"{org}/{name}@{chosen.Version}", chosen.Lineage.BaseModel, question);
        return Live.Wanted(context) is null ? await PageAsync(context, names, store, adapter, chosen, question, answers) : Layout.Fragment(answers);
    }

    /// <summary>A model with a chat template is talked to, another goes on with a text.</summary>
    private static async Task<TryQuestion> FirstQuestionAsync(NameResolver names, Principal caller, AdapterView adapter, AdapterVersionView version)
    {
        var model = await names.FindModelAsync(NameResolver.At(caller, adapter.Org), version.Lineage.BaseModel ?? "", null);
        return new TryQuestion { Chat = model?.Manifest?.TemplateDigest is not null };
    }

    /// <summary>A download for a browser's session. Users' files are never shown, so that none of them can be a page.</summary>
    private static async Task<IResult> FileAsync(HttpContext context, NameResolver names, LicenseDoor licenses, StoredFiles files, string org, string name, string version, string path, CancellationToken ct)
    {
        var found = NameResolver.Version(await names.AdapterAsync(context.Caller(), org, name), version);
        licenses.RequirePull(found.Lineage);
        var result = await files.ResultAsync(found.Files, path, ct);
        var disposition = new Microsoft.Net.Http.Headers.ContentDispositionHeaderValue("attachment");
        disposition.SetHttpFileName(Path.GetFileName(path));
        context.Response.Headers.ContentDisposition = disposition.ToString();
        return result;
    }

    private static async Task<IResult> PageAsync(
        HttpContext context, NameResolver names, IBlobStore store, AdapterView adapter, AdapterVersionView version, TryQuestion question, Html answers)
    {
        var full = $"{adapter.Org}/{adapter.Name}";
        var card = await CardAsync(store, version, context.RequestAborted);
        var lineage = LineageGraph.Draw(await AncestorsAsync(names, context.Caller(), new LineageStep($"{full}@{version.Version}", version)));
        var trial = context.Caller().Role != Role.Reader && version.Lineage.Kind != "full"
            ? Html.Of($"<h2 id=\"try\">Try it</h2>{TryBox.Form(context, $"/adapters/{full}?version={version.Version}", version.Lineage.BaseModel, question, answers)}") : Html.Empty;
        return Layout.Page(context, full, Html.Of($"""
            {Layout.Title(Html.Of($"{full}"), Html.Of($"""<span class="status">version {version.Version}</span>"""))}
            {Facts(version)}
            {trial}
            <h2>Versions</h2>{Versions(adapter, version)}
            <h2>Lineage</h2>{lineage}
            <h2>Pull it</h2>{Pull(context, full, version)}
            <h2>Files</h2>{Files(full, version)}
            <h2>Card</h2><div class="prose">{card}</div>
            """));
    }

    private static Html Facts(AdapterVersionView version)
    {
        var (lineage, metrics) = (version.Lineage, version.Metrics);
        return Format.Facts(
        [
            ("Kind", Html.Of($"{lineage.Kind}")), ("Base model", Format.Text(lineage.BaseModel)), ("Data", Format.Text(lineage.Dataset)),
            ("Job", lineage.JobId is { } job ? Format.JobLink(job) : Html.Of($"–")), ("Steps", Html.Of($"{Format.Count(metrics.Steps)}")), ("Tokens", Html.Of($"{Format.Count(metrics.TokensSeen)}")),
            ("Trained for", Html.Of($"{Format.Duration(metrics.TrainSeconds)}")), ("Size", Html.Of($"{Format.Bytes(version.Files.Sum(f => f.Length))}")),
            ("Licence of base, of data", Html.Of($"{lineage.BaseLicense ?? "–"}, {lineage.DatasetLicense ?? "–"}")), ("Revision", Html.Of($"<code>{Format.Short(version.Revision, 12)}</code>")), ("Registered", Format.Time(version.CreatedAt)),
        ]);
    }

    /// <summary>All versions beside each other; differences are to the one shown.</summary>
    private static Html Versions(AdapterView adapter, AdapterVersionView shown) => Format.Table(
        "Versions compared", ["Version", "Training loss", "Validation loss", "Accuracy", "Macro F1", "Steps", "Tokens", "Data", "Base", "Job", "Registered"],
        adapter.Versions.Reverse().Select(v => (Html[])
        [
            v.Version == shown.Version ? Html.Of($"<b>{v.Version}</b> (shown)") : Html.Of($"""<a href="/adapters/{adapter.Org}/{adapter.Name}?version={v.Version}">{v.Version}</a>"""),
            Compared(v.Metrics.TrainLoss, shown.Metrics.TrainLoss), Compared(v.Metrics.ValidLoss, shown.Metrics.ValidLoss), Compared(v.Metrics.Valid?.Accuracy, shown.Metrics.Valid?.Accuracy),
            Compared(v.Metrics.Valid?.MacroF1, shown.Metrics.Valid?.MacroF1), Html.Of($"{Format.Count(v.Metrics.Steps)}"), Html.Of($"{Format.Count(v.Metrics.TokensSeen)}"),
            Same(v.Lineage.Dataset, v.Lineage.DatasetDigest == shown.Lineage.DatasetDigest), Same(v.Lineage.BaseModel, v.Lineage.BaseDigest == shown.Lineage.BaseDigest),
            v.Lineage.JobId is { } job ? Format.JobLink(job) : Html.Of($"–"), Format.Time(v.CreatedAt),
        ]), "");

    private static Html Compared(double? value, double? shown) => value is { } v && shown is { } s && v != s
        ? Html.Of($"{Format.Figure(v)} <small>({v - s:+0.0000;-0.0000})</small>") : Html.Of($"{Format.Figure(value)}");

    private static Html Same(string? name, bool same) => same ? Format.Text(name) : Html.Of($"{name ?? "–"} <small>(other)</small>");

    /// <summary>The version and those that it was continued from, oldest first, as far as the caller may see them.</summary>
    private static async Task<IReadOnlyList<LineageStep>> AncestorsAsync(NameResolver names, Principal caller, LineageStep step)
    {
        var steps = new List<LineageStep> { step };
        while (steps.Count < MostAncestors && steps[^1].Version.Lineage.ParentAdapter is { } parent && parent.Split('/', '@') is [var org, var name, var number]
            && await names.FindAdapterAsync(caller, org, name) is { } adapter && adapter.Versions.FirstOrDefault(v => v.Version == number) is { } version)
            steps.Add(new LineageStep(parent, version));
        steps.Reverse();
        return steps;
    }

    private static async Task<Html> CardAsync(IBlobStore store, AdapterVersionView version, CancellationToken ct)
    {
        if (version.Files.FirstOrDefault(f => f.Path == CardFile) is not { } file) return Html.Of($"<p class=\"empty\">It has no card.</p>");
        if (file.Length > LongestCard) return Html.Of($"<p class=\"empty\">Its card is too long to be shown here; it is among the files.</p>");
        return await store.ReadAllBytesAsync(file.Key, cancellation: ct) is var (_, bytes) ? CardText.Render(Encoding.UTF8.GetString(bytes)) : Html.Of($"<p class=\"empty\">Its card is not in the store.</p>");
    }

    private static Html Pull(HttpContext context, string full, AdapterVersionView version)
    {
        var address = $"{context.Request.Scheme}://{context.Request.Host}";
        var weights = version.Files.FirstOrDefault(f => f.Path.EndsWith(".safetensors", StringComparison.Ordinal))?.Path ?? CardFile;
        return Html.Of($"""
            <p>Each wants a key in place of <code>KEY</code>; the pulled folder is in PEFT's format.</p>
            <pre tabindex="0">FTG_URL={address} FTG_API_KEY=KEY ftg adapter pull {full}@{version.Version} ./{full[(full.IndexOf('/') + 1)..]}</pre>
            <pre tabindex="0">HF_ENDPOINT={address} HF_TOKEN=hf_... hf download {full} --revision {version.Version} --local-dir ./{full[(full.IndexOf('/') + 1)..]}</pre>
            <pre tabindex="0">curl -O -H "Authorization: Bearer KEY" {address}/api/v1/adapters/{full}/versions/{version.Version}/files/{weights}</pre>
            """);
    }

    private static Html Files(string full, AdapterVersionView version) => Format.Table("Files of this version", ["File", "Size", "SHA-256"], version.Files.Select(f => (Html[])
    [
        Html.Of($"""<a href="/adapters/{full}/files/{version.Version}/{f.Path}" download>{f.Path}</a>"""), Html.Of($"{Format.Bytes(f.Length)}"), Html.Of($"""<code title="{f.Sha256}">{Format.Short(f.Sha256, 16)}</code>"""),
    ]), "");
}
