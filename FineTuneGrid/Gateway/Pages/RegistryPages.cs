using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Datasets;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using Orleans;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>What is registered: adapters, base models, data sets; and the nodes.</summary>
public static class RegistryPages
{
    public static void MapRegistryPages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/adapters", Adapters).RequireAuthorization(Policies.Page).ExcludeFromDescription();
        routes.MapGet("/models", Models).RequireAuthorization(Policies.Page).ExcludeFromDescription();
        routes.MapGet("/datasets", Datasets).RequireAuthorization(Policies.Page).ExcludeFromDescription();
        routes.MapGet("/nodes", Nodes).RequireAuthorization(Policies.Page).ExcludeFromDescription();
    }

    private static async Task<IResult> Adapters(HttpContext context, IGrainFactory grains, NameResolver names)
    {
        var all = new List<(AdapterView Adapter, AdapterVersionView Version)>();
        foreach (var org in await names.VisibleOrgsAsync(context.Caller()))
        {
            foreach (var id in (await grains.GetGrain<IOrgGrain>(org).List(Ids.Adapter)).Values)
            {
                if (await grains.GetGrain<IAdapterGrain>(id).Get() is { } adapter) all.AddRange(adapter.Versions.Select(v => (adapter, v)));
            }
        }
        var table = Format.Table("Adapters, newest first", ["Adapter", "Kind", "Base", "Data", "Train loss", "Validation loss", "Job", "Size", "Registered"],
            all.OrderByDescending(a => a.Version.CreatedAt).Select(a => (Html[])
            [
                Html.Of($"<b>{a.Adapter.Org}/{a.Adapter.Name}</b>@{a.Version.Version}"), Html.Of($"{a.Version.Lineage.Kind}"), Html.Of($"{a.Version.Lineage.BaseModel ?? "–"}"),
                Html.Of($"{a.Version.Lineage.Dataset ?? "–"}"), Loss(a.Version.Metrics.TrainLoss), Loss(a.Version.Metrics.ValidLoss),
                a.Version.Lineage.JobId is { } job ? Html.Of($"""<a href="/jobs/{job}">{job[..Math.Min(14, job.Length)]}</a>""") : Html.Of($"–"),
                Html.Of($"{Format.Bytes(a.Version.Files.Sum(f => f.Length))}"), Format.Time(a.Version.CreatedAt),
            ]), "No adapters yet: they appear when a job succeeds, or by ftg adapter push.");
        return Layout.Page(context, "Adapters", Html.Of($"<h1>Adapters</h1>{table}"));
    }

    private static async Task<IResult> Models(HttpContext context, AssetService assets)
    {
        var models = (await assets.ListAsync(AssetKind.Model, context.Caller())).Views.Cast<ModelView>();
        var table = Format.Table("Base models", ["Name", "Organisation", "Status", "Type", "Parameters", "Context", "Size", "Licence"], models.Select(m => (Html[])
        [
            Html.Of($"<b>{m.Name}</b>"), Html.Of($"{m.Org}"), Status(m.Status, m.Error), Html.Of($"{m.Manifest?.ModelType ?? "–"}"), Html.Of($"{m.Manifest?.Parameters ?? 0:#,0}"),
            Html.Of($"{m.Manifest?.ContextLength}"), Html.Of($"{Format.Bytes(m.Files.Sum(f => f.Length))}"), Html.Of($"{m.License ?? "–"}"),
        ]), "No base models yet: ftg model add NAME FOLDER.");
        return Layout.Page(context, "Models", Html.Of($"<h1>Base models</h1>{table}"));
    }

    private static async Task<IResult> Datasets(HttpContext context, AssetService assets)
    {
        var datasets = (await assets.ListAsync(AssetKind.Dataset, context.Caller())).Views.Cast<DatasetView>();
        var table = Format.Table("Data sets", ["Name", "Organisation", "Status", "Format", "Rows", "Shards", "Size", "Licence"], datasets.Select(d => (Html[])
        [
            Html.Of($"<b>{d.Name}</b>"), Html.Of($"{d.Org}"), Status(d.Status, d.Error), Html.Of($"{d.Manifest?.Format ?? "–"}"), Html.Of($"{d.Manifest?.Rows ?? 0:#,0}"),
            Html.Of($"{d.Manifest?.Shards.Count}"), Html.Of($"{Format.Bytes(d.Files.Sum(f => f.Length))}"), Html.Of($"{d.License ?? "–"}"),
        ]), "No data sets yet: ftg dataset add NAME FILE.");
        return Layout.Page(context, "Data sets", Html.Of($"<h1>Data sets</h1>{table}"));
    }

    private static async Task<IResult> Nodes(HttpContext context, IGrainFactory grains)
    {
        var ids = await grains.GetGrain<IPoolGrain>(PoolKeys.Default).Nodes();
        var nodes = (await Task.WhenAll(ids.Select(id => grains.GetGrain<INodeGrain>(id).Get()))).OfType<NodeView>();
        var table = Format.Table("Nodes", ["Node", "Host", "Status", "Slots", "Running jobs", "Lease until"], nodes.OrderBy(n => n.Id, StringComparer.Ordinal).Select(n => (Html[])
        [
            Html.Of($"<b>{n.Id}</b>"), Html.Of($"{n.Host}"), Html.Of($"{n.Status}{(n.Draining ? ", draining" : "")}"),
            Html.Of($"{string.Join(", ", n.Slots.Select(s => $"{s.Device} ({s.Threads} threads, {Format.Bytes(s.MemoryBytes)})"))}"),
            Html.Join(n.Sessions.SelectMany(s => s.Jobs).Select(j => Html.Of($"""<a href="/jobs/{j.JobId}">{j.JobId[..Math.Min(14, j.JobId.Length)]}</a> """))),
            Format.Time(n.LeaseUntil),
        ]), "No nodes: start one with --roles node.");
        var queues = await grains.GetGrain<IPoolGrain>(PoolKeys.Default).Queues();
        var queueTable = Format.Table("Queues", ["Queue", "Waiting", "Running"], queues.Select(q => (Html[])[Html.Of($"{q.Name}"), Html.Of($"{q.Waiting}"), Html.Of($"{q.Running}")]), "Nothing is queued.");
        return Layout.Page(context, "Nodes", Html.Of($"<h1>Nodes</h1>{table}<h2>Queues</h2>{queueTable}"));
    }

    private static Html Loss(double? loss) => Html.Of($"{loss?.ToString("0.0000", System.Globalization.CultureInfo.InvariantCulture) ?? "–"}");

    private static Html Status(AssetStatus status, GridError? error) => Html.Of($"{status.ToString().ToLowerInvariant()}{(error is null ? "" : ": " + error.Message)}");
}
