using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Datasets;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using Orleans;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>What is registered: adapters, base models, data sets.</summary>
public static class RegistryPages
{
    public static void MapRegistryPages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/adapters", Adapters).RequireAuthorization(Policies.Page).ExcludeFromDescription();
        routes.MapGet("/models", Models).RequireAuthorization(Policies.Page).ExcludeFromDescription();
        routes.MapGet("/datasets", Datasets).RequireAuthorization(Policies.Page).ExcludeFromDescription();
    }

    internal static Html Status(AssetStatus status) => Html.Of($"""<span class="status {status.ToString().ToLowerInvariant()}">{status.ToString().ToLowerInvariant()}</span>""");

    private static async Task<IResult> Adapters(HttpContext context, IGrainFactory grains, NameResolver names)
    {
        var all = new List<(AdapterView Adapter, AdapterVersionView Version)>();
        foreach (var org in await names.VisibleOrgsAsync(context.Caller()))
        {
            var ids = (await grains.GetGrain<IOrgGrain>(org).List(Ids.Adapter)).Values;
            foreach (var adapter in (await Task.WhenAll(ids.Select(id => grains.GetGrain<IAdapterGrain>(id).Get()))).OfType<AdapterView>())
                all.AddRange(adapter.Versions.Select(v => (adapter, v)));
        }
        var table = Format.Table("Adapter versions, newest first", ["Adapter", "Version", "Base model", "Data", "Train loss", "Validation loss", "Job", "Size", "Made"],
            all.OrderByDescending(a => a.Version.CreatedAt).Select(a => (Html[])
            [
                Html.Of($"""<a href="/adapters/{a.Adapter.Org}/{a.Adapter.Name}"><b>{a.Adapter.Org}/{a.Adapter.Name}</b></a>"""),
                Html.Of($"""<a href="/adapters/{a.Adapter.Org}/{a.Adapter.Name}?version={a.Version.Version}">{a.Version.Version}</a>"""),
                Format.Text(a.Version.Lineage.BaseModel), Format.Text(a.Version.Lineage.Dataset), Html.Of($"{Format.Figure(a.Version.Metrics.TrainLoss)}"), Html.Of($"{Format.Figure(a.Version.Metrics.ValidLoss)}"),
                a.Version.Lineage.JobId is { } job ? Format.JobLink(job) : Html.Of($"–"), Html.Of($"{Format.Bytes(a.Version.Files.Sum(f => f.Length))}"), Format.Time(a.Version.CreatedAt),
            ]), "No adapters yet: they appear when a job succeeds, or by ftg adapter push.");
        return Layout.Page(context, "Adapters", Html.Of($"<h1>Adapters</h1>{table}"));
    }

    private static async Task<IResult> Models(HttpContext context, AssetService assets)
    {
        var models = (await assets.ListAsync(AssetKind.Model, context.Caller())).Views.Cast<ModelView>();
        var table = Format.Table("Base models", ["Name", "Organisation", "Status", "Type", "Parameters", "Context", "Size", "Licence"], models.Select(m => (Html[])
        [
            Html.Of($"<b>{m.Name}</b>"), Html.Of($"{m.Org}"), Html.Of($"{Status(m.Status)} {m.Error?.Message}"), Format.Text(m.Manifest?.ModelType), Html.Of($"{Format.Count(m.Manifest?.Parameters)}"),
            Html.Of($"{Format.Count(m.Manifest?.ContextLength)}"), Html.Of($"{Format.Bytes(m.Files.Sum(f => f.Length))}"), Format.Text(m.License),
        ]), "No base models yet: ftg model add NAME FOLDER.");
        return Layout.Page(context, "Models", Html.Of($"<h1>Base models</h1>{table}"));
    }

    private static async Task<IResult> Datasets(HttpContext context, AssetService assets)
    {
        var datasets = (await assets.ListAsync(AssetKind.Dataset, context.Caller())).Views.Cast<DatasetView>();
        var table = Format.Table("Data sets", ["Name", "Organisation", "Status", "Format", "Rows", "Shards", "Size", "Licence"], datasets.Select(d => (Html[])
        [
            Html.Of($"""<a href="/datasets/{d.Id}"><b>{d.Name}</b></a>"""), Html.Of($"{d.Org}"), Html.Of($"{Status(d.Status)} {d.Error?.Message}"), Format.Text(d.Manifest?.Format), Html.Of($"{Format.Count(d.Manifest?.Rows)}"),
            Html.Of($"{Format.Count(d.Manifest?.Shards.Count)}"), Html.Of($"{Format.Bytes(d.Files.Sum(f => f.Length))}"), Format.Text(d.License),
        ]), "No data sets yet: ftg dataset add NAME FILE.");
        return Layout.Page(context, "Data sets", Html.Of($"<h1>Data sets</h1>{table}"));
    }
}
