using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Jobs;
using Microsoft.AspNetCore.Antiforgery;

namespace FineTuneGrid.Gateway.Pages;

/// <summary><c>/jobs/{id}</c>: a job with its curves. Its parts renew themselves by the job's event stream.</summary>
public static class JobPage
{
    private const int EventsShown = 60;
    private const int EventsRead = 500;
    private const int MostReads = 4;
    private const int CheckpointsShown = 20;

    public static void MapJobPage(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/jobs/{id}", ShowAsync).RequireAuthorization(Policies.Page).ExcludeFromDescription();
        routes.MapGet("/jobs/{id}/stream", StreamAsync).RequireAuthorization(Policies.Page).ExcludeFromDescription();
        routes.MapPost("/jobs/{id}/{verb:regex(^(cancel|pause|resume)$)}", ChangeAsync).RequireAuthorization(Policies.PageMember).ExcludeFromDescription();
    }

    private static async Task<IResult> ShowAsync(HttpContext context, JobAccess access, string id)
    {
        var job = await access.ViewAsync(context.Caller(), id);
        var (grain, live) = (access.Grain(id), !job.Status.IsTerminal());
        switch (Live.Wanted(context))
        {
            case "head": return Layout.Fragment(Head(context, job, live));
            case "plots": return Layout.Fragment(Plots(context, job, await JobPlots.StepsAsync(grain), live));
            case "log": return Layout.Fragment(await LogAsync(context, grain, job, live));
        }
        var last = await LastEventAsync(grain);
        var (steps, log) = (await JobPlots.StepsAsync(grain), await LogAsync(context, grain, job, live));
        // What comes while this is read is told twice rather than not at all.
        var stream = live ? Html.Of($""" data-stream="/jobs/{id}/stream?after={last}" """) : Html.Empty;
        var spec = JsonSerializer.Serialize(new { job.Spec, job.Resolved }, GridJson.Indented);
        var again = context.Caller().CanWrite(job.Org) ? Html.Of($"""<a class="button" href="/jobs/new?from={id}">Another like this</a>""") : Html.Empty;
        return Layout.Page(context, job.Name ?? job.Id, Html.Of($"""
            <div{stream}>
            {Head(context, job, live)}
            {Plots(context, job, steps, live)}
            {log}
            <h2>Resolved spec</h2>
            <details><summary>The spec with every default, and what submit decided</summary><pre tabindex="0">{spec}</pre></details>
            <p class="after">{again}</p>
            </div>
            """));
    }

    /// <summary>The events of <c>/api/v1/jobs/{id}/events/stream</c> for a browser's session, which the API does not take.</summary>
    private static async Task<IResult> StreamAsync(HttpContext context, JobAccess access, string id, long? after)
    {
        await access.ViewAsync(context.Caller(), id);
        return new JobEventStream(access.Grain(id), after);
    }

    private static async Task<IResult> ChangeAsync(HttpContext context, IAntiforgery antiforgery, JobAccess access, string id, string verb)
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

    private static Html Head(HttpContext context, JobView job, bool live) => Live.Part(context, "head", live, Html.Of($"""
        {Layout.Title(Html.Of($"{job.Name ?? job.Id}"), Html.Of($"""{Format.Status(job.Status)}<div class="actions">{Actions(context, job)}</div>"""))}
        {Notice(job)}
        {Facts(job)}
        """));

    private static Html Plots(HttpContext context, JobView job, IReadOnlyList<StepMetrics> steps, bool live) =>
        Live.Part(context, "plots", live, Html.Of($"<h2>Curves</h2>{JobPlots.Draw(steps, job.Progress.TotalSteps)}"));

    private static async Task<Html> LogAsync(HttpContext context, IJobGrain grain, JobView job, bool live)
    {
        var (events, checkpoints) = (await LastEventsAsync(grain, await LastEventAsync(grain)), await grain.Checkpoints());
        return Live.Part(context, "log", live, Html.Of($"<h2>Checkpoints</h2>{Checkpoints(checkpoints)}<h2>Events</h2>{Events(events)}"));
    }

    private static async Task<long> LastEventAsync(IJobGrain grain) => (await grain.Events(long.MaxValue, 1, 0)).Last;

    /// <summary>The newest events that are no step's, newest first. Steps make most of a long log, so it is read from its end.</summary>
    private static async Task<IReadOnlyList<JobEvent>> LastEventsAsync(IJobGrain grain, long last)
    {
        var found = new List<JobEvent>();
        for (var (reads, before) = (0, last); reads < MostReads && before > 0 && found.Count < EventsShown; reads++)
        {
            var after = Math.Max(0, before - EventsRead);
            var page = await grain.Events(after, (int)(before - after), 0);
            found.AddRange(page.Events.Where(e => e.Seq <= before && e.Type != EventTypes.Metrics).Reverse());
            before = after;
        }
        return [.. found.Take(EventsShown)];
    }

    private static Html Actions(HttpContext context, JobView job)
    {
        if (job.Status.IsTerminal() || context.Caller() is not { } caller || !caller.CanWrite(job.Org)) return Html.Empty;
        var rest = job.Status is JobStatus.Paused or JobStatus.Pausing
            ? Layout.Button(context, $"/jobs/{job.Id}/resume", "Resume", hint: "Queue the job again, to go on from its last checkpoint")
            : Layout.Button(context, $"/jobs/{job.Id}/pause", "Pause", hint: "Write a checkpoint and give the slot back");
        return Html.Of($"{rest}{Layout.Button(context, $"/jobs/{job.Id}/cancel", "Cancel", "danger", "End the job; its checkpoints and logs stay")}");
    }

    private static Html Notice(JobView job)
    {
        if (job.Error is { } error)
            return Html.Of($"""<div class="notice bad" role="alert"><b>{error.Code}</b> {error.Message}{Findings.List(error)}</div>""");
        if (Waits.Why(job) is { } why) return Html.Of($"""<p class="notice"><b>Why it waits:</b> {why.Text} {why.Hint}</p>""");
        return job.AdapterVersion is { } version
            ? Html.Of($"""<p class="notice good">Registered as <a href="/adapters/{job.Adapter}?version={version}">{job.Adapter}@{version}</a>, to try and to pull.</p>""") : Html.Empty;
    }

    private static Html Facts(JobView job)
    {
        var p = job.Progress;
        return Format.Facts(
        [
            ("Progress", Format.Progress(p)), ("Passes over the data", Html.Of($"{p.Epoch:0.00}")), ("Tokens a second", Html.Of($"{Format.Count(p.TokensPerSecond)}")),
            ("Time left", Html.Of($"{(job.Status.IsTerminal() ? "–" : Format.Duration(p.EtaSeconds))}")), ("Safe up to step", Html.Of($"{p.CommittedStep}")),
            ("Base model", Html.Of($"{job.Spec.BaseModelName() ?? "random weights"}")), ("Data", Data(job)), ("Adapter", Html.Of($"{job.Adapter}")),
            ("Node", job.Node is { } node ? Html.Of($"""<a href="/nodes/{node}">{node}</a>""") : Html.Of($"–")), ("Attempts", Html.Of($"{job.Attempt}")),
            ("Submitted", Format.Time(job.CreatedAt)), ("Finished", Format.Time(job.FinishedAt)),
        ]);
    }

    private static Html Data(JobView job) => job.Resolved is { } resolved
        ? Html.Of($"""<a href="/datasets/{resolved.TrainDatasetId}">{job.Spec.Data.Train}</a>""") : Html.Of($"{job.Spec.Data.Train}");

    private static Html Checkpoints(IReadOnlyList<CheckpointView> checkpoints) => Format.Table(
        "Committed checkpoints", ["Step", "Attempt", "Samples", "Adapter SHA-256", "Time"], checkpoints.OrderByDescending(c => c.Step).Take(CheckpointsShown).Select(c => (Html[])
        [
            Html.Of($"{c.Step}"), Html.Of($"{c.Epoch}"), Html.Of($"{Format.Count(c.SamplesConsumed)}"), Html.Of($"""<code title="{c.AdapterSha256}">{Format.Short(c.AdapterSha256, 16)}</code>"""), Format.Time(c.Time),
        ]), "None yet.");

    private static Html Events(IReadOnlyList<JobEvent> events) => Format.Table("Events, newest first", ["Time", "Type", "Message"],
        events.Select(e => (Html[])[Format.Time(e.Time), Html.Of($"{e.Type}"), Html.Of($"{e.Message}")]), "None yet.");
}
