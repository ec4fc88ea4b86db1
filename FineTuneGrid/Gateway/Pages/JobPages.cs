using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Jobs;
using Microsoft.AspNetCore.Antiforgery;
using Orleans;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>The list of jobs, and a job's own page with its live curve.</summary>
public static class JobPages
{
    private const int Shown = 50;
    private const int EventsShown = 60;

    public static void MapJobPages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/", List).RequireAuthorization(Policies.Page).ExcludeFromDescription();
        routes.MapGet("/jobs/{id}", Show).RequireAuthorization(Policies.Page).ExcludeFromDescription();
        routes.MapPost("/jobs/{id}/{verb:regex(^(cancel|pause|resume)$)}", Change).RequireAuthorization(Policies.PageMember).ExcludeFromDescription();
    }

    private static async Task<IResult> List(HttpContext context, IGrainFactory grains, JobAccess access, bool? live)
    {
        var caller = context.Caller();
        var page = await grains.GetGrain<IPoolGrain>(PoolKeys.Default).Jobs(caller.IsAdmin ? null : caller.Org ?? Names.SharedOrg, null, Shown);
        var jobs = (await Task.WhenAll(page.JobIds.Select(id => access.Grain(id).Get()))).OfType<JobView>().ToList();
        var table = Format.Table("Jobs, newest first", ["Job", "Adapter", "Status", "Progress", "Loss", "Left", "Why"], jobs.Select(j => (Html[])
        [
            Html.Of($"""<a href="/jobs/{j.Id}">{j.Name ?? j.Id[..Math.Min(14, j.Id.Length)]}</a>"""), Html.Of($"{j.Adapter}"), Format.Status(j.Status), Format.Progress(j.Progress),
            Html.Of($"{j.Progress.TrainLoss?.ToString("0.0000", System.Globalization.CultureInfo.InvariantCulture) ?? "–"}"),
            Html.Of($"{(j.Status.IsTerminal() ? "–" : Format.Duration(j.Progress.EtaSeconds))}"), Html.Of($"{j.Waiting?.Text ?? j.Error?.Message ?? ""}"),
        ]), "No jobs yet. Submit one with POST /api/v1/jobs or ftg job submit.");
        var body = Html.Of($"""<div data-live="/?live=true"><h1>Jobs</h1>{table}</div>""");
        return live == true ? Layout.Fragment(body) : Layout.Page(context, "Jobs", body);
    }

    private static async Task<IResult> Show(HttpContext context, JobAccess access, string id, bool? live)
    {
        var job = await access.ViewAsync(context.Caller(), id);
        var grain = access.Grain(id);
        var steps = await MetricsAsync(grain, job.Progress.Step);
        var events = await LastEventsAsync(grain);
        var checkpoints = await grain.Checkpoints();
        var liveAttribute = job.Status.IsTerminal() ? Html.Empty : Html.Of($""" data-live="/jobs/{id}?live=true" """);
        var body = Html.Of($"""
            <div{liveAttribute}>
            <div class="title"><h1>{job.Name ?? job.Id}</h1>{Format.Status(job.Status)}<div class="actions">{Actions(context, job)}</div></div>
            {Notice(job)}
            {Facts(job)}
            {LossChart.Draw(steps, job.Progress.TotalSteps)}
            {Checkpoints(checkpoints)}
            {Events(events)}
            <details><summary>Resolved spec</summary><pre>{System.Text.Json.JsonSerializer.Serialize(new { job.Spec, job.Resolved }, GridJson.Indented)}</pre></details>
            </div>
            """);
        return live == true ? Layout.Fragment(body) : Layout.Page(context, job.Name ?? job.Id, body);
    }

    private static async Task<IResult> Change(HttpContext context, IAntiforgery antiforgery, JobAccess access, string id, string verb)
    {
        await SessionPages.CheckFormAsync(context, antiforgery);
        var job = await access.ViewAsync(context.Caller(), id);
        if (!context.Caller().CanWrite(job.Org)) throw new GridException(ErrorCodes.Forbidden, $"This key may not change jobs of organisation '{job.Org}'.");
        var grain = access.Grain(id);
        await (verb switch
        {
            "cancel" => grain.Cancel(),
            "pause" => grain.Pause(),
            _ => grain.Resume(),
        });
        return Results.Redirect($"/jobs/{id}");
    }

    private static async Task<IReadOnlyList<StepMetrics>> MetricsAsync(IJobGrain grain, int upTo)
    {
        var all = new List<StepMetrics>();
        while (await grain.Metrics(all.Count == 0 ? 0 : all[^1].Step, 1000) is { Count: > 0 } page)
        {
            all.AddRange(page);
            if (page[^1].Step >= upTo || page.Count < 1000) break;
        }
        return all;
    }

    private static async Task<IReadOnlyList<JobEvent>> LastEventsAsync(IJobGrain grain)
    {
        var kept = new List<JobEvent>();
        for (var after = 0L; await grain.Events(after, 500, 0) is { Events: { Count: > 0 } events }; after = events[^1].Seq)
            kept = [.. kept.Concat(events.Where(e => e.Type != EventTypes.Metrics)).TakeLast(EventsShown)];
        kept.Reverse();
        return kept;
    }

    private static Html Actions(HttpContext context, JobView job)
    {
        if (job.Status.IsTerminal() || context.Caller() is not { } caller || !caller.CanWrite(job.Org)) return Html.Empty;
        var rest = job.Status is JobStatus.Paused or JobStatus.Pausing
            ? Layout.Button(context, $"/jobs/{job.Id}/resume", "Resume") : Layout.Button(context, $"/jobs/{job.Id}/pause", "Pause");
        return Html.Of($"{rest}{Layout.Button(context, $"/jobs/{job.Id}/cancel", "Cancel", "danger")}");
    }

    private static Html Notice(JobView job)
    {
        if (job.Error is { } error) return Html.Of($"""<p class="notice bad" role="alert"><b>{error.Code}</b> {error.Message}</p>""");
        if (job.Waiting is { } why) return Html.Of($"""<p class="notice">{why.Text} {why.Hint}</p>""");
        return job.AdapterVersion is { } version
            ? Html.Of($"""<p class="notice good">Registered as <b>{job.Adapter}@{version}</b>. Pull it: <code>ftg adapter pull {job.Adapter}@{version} DIR</code></p>""") : Html.Empty;
    }

    private static Html Facts(JobView job)
    {
        var p = job.Progress;
        (string Name, Html Value)[] facts =
        [
            ("Progress", Format.Progress(p)), ("Epoch", Html.Of($"{p.Epoch:0.00}")), ("Tokens a second", Html.Of($"{(p.TokensPerSecond is { } t ? t.ToString("#,0", System.Globalization.CultureInfo.InvariantCulture) : "–")}")),
            ("Time left", Html.Of($"{(job.Status.IsTerminal() ? "–" : Format.Duration(p.EtaSeconds))}")), ("Safe up to step", Html.Of($"{p.CommittedStep}")),
            ("Base model", Html.Of($"{job.Spec.BaseModelName() ?? "random weights"}")), ("Data", Html.Of($"{job.Spec.Data.Train}")), ("Adapter", Html.Of($"{job.Adapter}")),
            ("Node", Html.Of($"{job.Node ?? "–"}")), ("Attempts", Html.Of($"{job.Attempt}")), ("Submitted", Format.Time(job.CreatedAt)), ("Finished", Format.Time(job.FinishedAt)),
        ];
        return Html.Of($"<dl class=\"facts\">{Html.Join(facts.Select(f => Html.Of($"<div><dt>{f.Name}</dt><dd>{f.Value}</dd></div>")))}</dl>");
    }

    private static Html Checkpoints(IReadOnlyList<CheckpointView> checkpoints) => Html.Of($"<h2>Checkpoints</h2>{Format.Table("Committed checkpoints", ["Step", "Attempt", "Samples", "Adapter SHA-256", "Time"],
        checkpoints.OrderByDescending(c => c.Step).Take(20).Select(c => (Html[])
        [Html.Of($"{c.Step}"), Html.Of($"{c.Epoch}"), Html.Of($"{c.SamplesConsumed}"), Html.Of($"""<code title="{c.AdapterSha256}">{c.AdapterSha256[..Math.Min(16, c.AdapterSha256.Length)]}</code>"""), Format.Time(c.Time)]),
        "None yet.")}");

    private static Html Events(IReadOnlyList<JobEvent> events) => Html.Of($"<h2>Events</h2>{Format.Table("Events, newest first", ["Time", "Type", "Message"],
        events.Select(e => (Html[])[Format.Time(e.Time), Html.Of($"{e.Type}"), Html.Of($"{e.Message}")]), "None yet.")}");
}
