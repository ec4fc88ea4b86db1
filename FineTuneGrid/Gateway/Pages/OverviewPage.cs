using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Jobs;
using Orleans;

namespace FineTuneGrid.Gateway.Pages;

/// <summary><c>/</c>: what the grid has, what runs, what waits and why, and what ended last.</summary>
public static class OverviewPage
{
    private const int LiveShown = 100;
    private const int EndedShown = 8;

    public static void MapOverview(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/", ShowAsync).RequireAuthorization(Policies.Page).ExcludeFromDescription();

    private static async Task<IResult> ShowAsync(HttpContext context, IGrainFactory grains, JobAccess access)
    {
        var caller = context.Caller();
        var org = caller.IsAdmin ? null : caller.Org ?? Names.SharedOrg;
        var pool = grains.GetGrain<IPoolGrain>(PoolKeys.Default);
        var fleet = Fleet(await pool.LiveNodes(), (await pool.Nodes()).Count, await pool.Queues());
        var live = (await ViewsAsync(access, await pool.LiveJobs(org, null, LiveShown))).Where(j => !j.Status.IsTerminal()).ToList();
        var ended = (await ViewsAsync(access, await pool.Jobs(org, null, LiveShown))).Where(j => j.Status.IsTerminal()).Take(EndedShown);
        var body = Live.Polled(context, Html.Of($"""
            {fleet}
            <h2>Running</h2>{JobListPage.Table("Running jobs", live.Where(j => !Waits.Does(j)), "Nothing runs.")}
            <h2>Waiting</h2>{Waiting(live.Where(Waits.Does))}
            <h2>Ended lately</h2>{JobListPage.Table("Jobs that ended lately", ended, "No job has ended yet.")}
            """));
        return Live.Wanted(context) is null ? Layout.Page(context, "Overview", Html.Of($"<h1>Overview</h1>{body}")) : Layout.Fragment(body);
    }

    private static async Task<IEnumerable<JobView>> ViewsAsync(JobAccess access, JobIndexPage page) =>
        (await Task.WhenAll(page.JobIds.Select(id => access.Grain(id).Get()))).OfType<JobView>();

    private static Html Fleet(IReadOnlyList<NodeAvailability> alive, int known, IReadOnlyList<QueueView> queues)
    {
        var (slots, taken) = (alive.Sum(n => n.Slots.Count), alive.Sum(n => n.TakenSlots?.Count ?? 0));
        var draining = alive.Count(n => n.Draining);
        (string Title, string Value, string Beside, string Href)[] tiles =
        [
            ("Nodes", $"{alive.Count}", $"of {known} known{(draining > 0 ? $", {draining} draining" : "")}", "/nodes"),
            ("Slots in use", $"{taken}", $"of {slots}", "/nodes"),
            ("Running", $"{queues.Sum(q => q.Running)}", "jobs", "/jobs?state=running"),
            ("Waiting", $"{queues.Sum(q => q.Waiting)}", Busiest(queues), "/jobs?state=queued"),
        ];
        return Html.Of($"""<div class="tiles">{Html.Join(tiles.Select(t => Html.Of($"<a class=\"tile\" href=\"{t.Href}\"><span>{t.Title}</span> <b>{t.Value}</b> <span>{t.Beside}</span></a>")))}</div>{Meter(taken, slots)}""");
    }

    private static Html Meter(int taken, int slots) => slots == 0 ? Html.Of($"""<p class="notice">No node is alive: jobs wait until one is started.</p>""")
        : Html.Of($"""<meter aria-label="Slots in use" max="{slots}" value="{taken}"></meter>""");

    private static string Busiest(IReadOnlyList<QueueView> queues) => queues.Where(q => q.Waiting > 0).ToList() switch
    {
        [] => "jobs",
        [var one] => $"in queue {one.Name}",
        var many => string.Join(", ", many.OrderByDescending(q => q.Waiting).Take(3).Select(q => $"{q.Name} {q.Waiting}")),
    };

    private static Html Waiting(IEnumerable<JobView> jobs) => Format.Table(
        "Waiting jobs", ["Job", "Organisation", "Queue", "Priority", "Status", "Why it waits", "What would start it", "Since"], jobs.Select(j => (Html[])
        [
            Format.JobLink(j.Id, j.Name), Html.Of($"{j.Org}"), Html.Of($"{j.Spec.Resources.Queue}"), Html.Of($"{j.Spec.Resources.Priority}"), Format.Status(j.Status),
            Format.Text(Waits.Why(j)?.Text), Format.Text(Waits.Why(j)?.Hint), Format.Time(j.CreatedAt),
        ]), "Nothing waits.");
}
