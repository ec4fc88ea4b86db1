using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Jobs;
using Orleans;

namespace FineTuneGrid.Gateway.Pages;

/// <summary><c>/nodes</c> and <c>/nodes/{id}</c>: machines, how much of them is in use, by which sessions, on which resident base models.</summary>
public static class NodePages
{
    public static void MapNodePages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/nodes", ListAsync).RequireAuthorization(Policies.Page).ExcludeFromDescription();
        routes.MapGet("/nodes/{id}", ShowAsync).RequireAuthorization(Policies.Page).ExcludeFromDescription();
    }

    private static async Task<IResult> ListAsync(HttpContext context, IGrainFactory grains)
    {
        var pool = grains.GetGrain<IPoolGrain>(PoolKeys.Default);
        var (alive, queues) = ((await pool.LiveNodes()).ToDictionary(n => n.NodeId), pool.Queues());
        var nodes = (await Task.WhenAll((await pool.Nodes()).Select(id => grains.GetGrain<INodeGrain>(id).Get()))).OfType<NodeView>();
        var table = Format.Table("Nodes", ["Node", "Host", "Status", "Slots in use", "Devices", "Running jobs", "Lease until"], nodes.OrderBy(n => n.Id, StringComparer.Ordinal).Select(n => (Html[])
        [
            Html.Of($"""<a href="/nodes/{n.Id}"><b>{n.Id}</b></a>"""), Html.Of($"{n.Host}"), Status(n), Usage(n, alive.GetValueOrDefault(n.Id)),
            Html.Of($"{string.Join(", ", n.Slots.GroupBy(s => s.Device).Select(g => $"{g.Count()} {g.Key}"))}"), Html.Of($"{n.Sessions.Where(s => s.Alive).Sum(s => s.Jobs.Count)}"), Format.Time(n.LeaseUntil),
        ]), "No nodes: start one with ./grid node, or --roles node.");
        var queueTable = Format.Table("Queues", ["Queue", "Waiting", "Running"], (await queues).Select(q => (Html[])[Html.Of($"{q.Name}"), Html.Of($"{q.Waiting}"), Html.Of($"{q.Running}")]), "Nothing is queued.");
        var body = Live.Polled(context, Html.Of($"{table}<h2>Queues</h2>{queueTable}"));
        return Live.Wanted(context) is null ? Layout.Page(context, "Nodes", Html.Of($"<h1>Nodes</h1>{body}")) : Layout.Fragment(body);
    }

    private static async Task<IResult> ShowAsync(HttpContext context, IGrainFactory grains, JobAccess access, AssetService assets, string id)
    {
        var caller = context.Caller();
        var pool = grains.GetGrain<IPoolGrain>(PoolKeys.Default);
        if (!(await pool.Nodes()).Contains(id) || await grains.GetGrain<INodeGrain>(id).Get() is not { } node) throw NameResolver.Missing("node", id);
        var alive = (await pool.LiveNodes()).FirstOrDefault(n => n.NodeId == id);
        var jobs = (await Task.WhenAll(node.Sessions.SelectMany(s => s.Jobs).Select(j => j.JobId).Distinct().Select(job => access.Grain(job).Get()))).OfType<JobView>().ToDictionary(j => j.Id);
        var models = (await assets.ListAsync(AssetKind.Model, caller)).Views.Cast<ModelView>().Where(m => m.Manifest is not null).DistinctBy(m => m.Manifest!.Digest).ToDictionary(m => m.Manifest!.Digest, m => m.Name);
        var body = Live.Polled(context, Html.Of($"""
            {Layout.Title(Html.Of($"{node.Id}"), Status(node))}
            {Format.Facts(
            [
                ("Host", Html.Of($"{node.Host}")), ("Slots in use", Usage(node, alive)), ("Jobs", Html.Of($"{jobs.Count}")), ("Tokens a second", Html.Of($"{Format.Count(jobs.Values.Sum(j => j.Progress.TokensPerSecond ?? 0))}")),
                ("Lease until", Format.Time(node.LeaseUntil)), ("Build", Html.Of($"{node.Build}")), ("Trainers can", Format.Text(string.Join(", ", node.Features ?? []))),
            ])}
            <h2>Slots</h2>{Slots(node, alive, jobs)}
            <h2>Sessions</h2>{Sessions(node, jobs, models, caller)}
            """));
        return Live.Wanted(context) is null ? Layout.Page(context, node.Id, body) : Layout.Fragment(body);
    }

    private static Html Status(NodeView node) => Html.Of($"""<span class="status {node.Status}">{node.Status}</span>{(node.Draining && node.Status != "draining" ? " draining" : "")}""");

    private static Html Usage(NodeView node, NodeAvailability? alive)
    {
        var taken = alive?.TakenSlots?.Count ?? 0;
        return Html.Of($"""<meter aria-label="Slots in use" max="{Math.Max(1, node.Slots.Count)}" value="{taken}"></meter> <span class="nowrap">{taken} of {node.Slots.Count}</span>""");
    }

    private static Html Slots(NodeView node, NodeAvailability? alive, Dictionary<string, JobView> jobs) => Format.Table(
        "Slots", ["Slot", "Device", "Hardware", "Threads", "In use", "Memory promised to jobs"], node.Slots.Select(s =>
        {
            var promised = Promised(node, s, jobs);
            return (Html[])
            [
                Html.Of($"{s.Index}"), Html.Of($"{s.Device}"), Html.Of($"{s.Hardware}"), Html.Of($"{s.Threads}"), Html.Of($"{(alive?.TakenSlots?.Contains(s.Index) == true ? "yes" : "no")}"),
                Html.Of($"""<meter aria-label="Memory promised" max="{Math.Max(1, s.MemoryBytes)}" value="{promised}"></meter> <span class="nowrap">{Format.Bytes(promised)} of {Format.Bytes(s.MemoryBytes)}</span>"""),
            ];
        }), "No slots.");

    /// <summary>What its jobs were admitted with; jobs of one session share their base.</summary>
    private static long Promised(NodeView node, NodeSlot slot, Dictionary<string, JobView> jobs) => node.Sessions.Where(s => s.Alive && s.Slot == slot.Index).Sum(session =>
    {
        var plans = session.Jobs.Select(j => jobs.GetValueOrDefault(j.JobId)?.Resolved).OfType<ResolvedJob>().ToList();
        return plans.Sum(p => p.MemoryBytes - (p.WeightBytes ?? 0)) + (plans.Max(p => p.WeightBytes) ?? 0);
    });

    private static Html Sessions(NodeView node, Dictionary<string, JobView> jobs, Dictionary<string, string> models, Principal caller) => Format.Table(
        "Sessions", ["Session", "Slot", "State", "Resident base model", "Jobs"], node.Sessions.Select(s => (Html[])
        [
            Html.Of($"<code>{Format.Short(s.SessionId, 16)}</code>"), Html.Of($"{s.Slot}"), Html.Of($"{(s.Alive ? "alive" : $"ended ({s.ExitCode})")}"), Resident(s.BaseDigest, models),
            Html.Join(s.Jobs.Select(j => jobs.GetValueOrDefault(j.JobId) is { } job && caller.CanSee(job.Org)
                ? Html.Of($"<div>{Format.JobLink(job.Id, job.Name)} {Format.Progress(job.Progress)}</div>") : Html.Of($"<div>another organisation's</div>"))),
        ]), "No session runs.");

    private static Html Resident(string? digest, Dictionary<string, string> models) => digest is null ? Html.Of($"–")
        : Html.Of($"""{models.GetValueOrDefault(digest, "")} <code title="{digest}">{Format.Short(digest, 12)}</code>""");
}
