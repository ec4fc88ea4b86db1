using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Jobs;
using Orleans;

namespace FineTuneGrid.Gateway.Pages;

/// <summary><c>/jobs</c>: all jobs that the caller may see, by state, base model and organisation.</summary>
public static class JobListPage
{
    private const int Shown = 50;

    public static void MapJobList(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/jobs", ShowAsync).RequireAuthorization(Policies.Page).ExcludeFromDescription();

    /// <summary>Jobs as every page lists them.</summary>
    internal static Html Table(string caption, IEnumerable<JobView> jobs, string whenEmpty) => Format.Table(
        caption, ["Job", "Adapter", "Base model", "Status", "Progress", "Loss", "Left", "Why"], jobs.Select(j => (Html[])
        [
            Format.JobLink(j.Id, j.Name), Html.Of($"{j.Adapter}"), Html.Of($"{j.Spec.BaseModelName() ?? "random weights"}"), Format.Status(j.Status), Format.Progress(j.Progress),
            Html.Of($"{Format.Figure(j.Progress.TrainLoss)}"), Html.Of($"{(j.Status.IsTerminal() ? "–" : Format.Duration(j.Progress.EtaSeconds))}"), Html.Of($"{Waits.Why(j)?.Text ?? j.Error?.Message ?? ""}"),
        ]), whenEmpty);

    private static async Task<IResult> ShowAsync(HttpContext context, IGrainFactory grains, JobAccess access, NameResolver names, AssetService assets, string? after)
    {
        var (caller, filter) = (context.Caller(), JobFilter.Of(context.Request));
        var (jobs, next) = await filter.ReadAsync(grains, access, caller, after, Shown);
        var older = next is null ? Html.Empty : Html.Of($"""<p><a class="more" rel="next" href="{Address(filter, next)}">Older jobs</a></p>""");
        var table = Live.Polled(context, Html.Of($"{Table("Jobs, newest first", jobs, next is null ? "No job fits." : "No job fits among those that were looked at; go on to older ones.")}{older}"));
        if (Live.Wanted(context) is not null) return Layout.Fragment(table);
        var submit = caller.Role == Role.Reader ? Html.Empty : Html.Of($"""<a class="button primary" href="/jobs/new">New job</a>""");
        var form = await FormAsync(caller, filter, names, assets);
        return Layout.Page(context, "Jobs", Html.Of($"{Layout.Title(Html.Of($"Jobs"), Html.Of($"""<div class="actions">{submit}</div>"""))}{form}{table}"));
    }

    private static async Task<Html> FormAsync(Principal caller, JobFilter filter, NameResolver names, AssetService assets)
    {
        var states = Choices(filter.State, "all", [JobFilter.Active, .. Enum.GetNames<JobStatus>().Select(n => n.ToLowerInvariant())]);
        var models = (await assets.ListAsync(AssetKind.Model, caller)).Views.Cast<ModelView>().Select(m => m.Name).Distinct().Order(StringComparer.Ordinal);
        var orgs = await names.VisibleOrgsAsync(caller);
        var org = caller.IsAdmin ? Html.Of($"""<label>Organisation <select name="org">{Choices(filter.Org, "all", orgs)}</select></label>""") : Html.Empty;
        return Html.Of($"""
            <form class="filters" method="get" action="/jobs" role="search" aria-label="Filter jobs">
            <label>State <select name="state">{states}</select></label>
            <label>Base model <select name="base">{Choices(filter.Base, "all", models)}</select></label>
            {org}<button>Show</button>
            </form>
            """);
    }

    /// <summary>Options of a choice; what is chosen is among them even where it is not known any more.</summary>
    private static Html Choices(string? chosen, string none, IEnumerable<string> values)
    {
        var options = values.Union(chosen is null ? [] : [chosen]).Select(v => v == chosen ? Html.Of($"<option selected>{v}</option>") : Html.Of($"<option>{v}</option>"));
        return Html.Of($"""<option value="">{none}</option>{Html.Join(options)}""");
    }

    private static string Address(JobFilter filter, string after)
    {
        (string Name, string? Value)[] query = [("state", filter.State), ("base", filter.Base), ("org", filter.Org), ("after", after)];
        return "/jobs" + QueryString.Create(query.Where(q => q.Value is not null).Select(q => KeyValuePair.Create(q.Name, q.Value)));
    }
}
