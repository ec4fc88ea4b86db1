using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Apis;
using FineTuneGrid.Gateway.Idempotency;
using FineTuneGrid.Gateway.Jobs;
using FineTuneGrid.Gateway.Problems;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>OpenAI's <c>/v1/fine_tuning/jobs</c>: the jobs of the native API, in the words of OpenAI's clients.</summary>
public static class FineTuningApi
{
    private const int MaxRequestBytes = 1 << 20;
    private const int UsualPage = 20;
    private const int UsualCheckpoints = 10;

    public static void MapFineTuning(this IEndpointRouteBuilder routes)
    {
        var jobs = routes.MapGroup("/v1/fine_tuning/jobs").WithTags("openai").WithErrors(ErrorForm.OpenAi).InArea(KeyScopes.Jobs);
        jobs.MapPost("", Create).RequireAuthorization(Policies.Member).WithSummary("OpenAI's fine-tuning: submit a job").WithMetadata(HandlesIdempotency.Instance);
        jobs.MapGet("", List).RequireAuthorization(Policies.Reader).WithSummary("OpenAI's fine-tuning: the organisation's jobs, newest first");
        jobs.MapGet("/{id}", Get).RequireAuthorization(Policies.Reader).WithSummary("OpenAI's fine-tuning: one job");
        jobs.MapPost("/{id}/cancel", (HttpContext c, FineTuningJobs j, string id, CancellationToken ct) => Change(c, j, id, g => g.Cancel(), ct))
            .RequireAuthorization(Policies.Member).WithSummary("OpenAI's fine-tuning: cancel a job");
        jobs.MapPost("/{id}/pause", (HttpContext c, FineTuningJobs j, string id, CancellationToken ct) => Change(c, j, id, g => g.Pause(), ct))
            .RequireAuthorization(Policies.Member).WithSummary("OpenAI's fine-tuning: pause a job after a checkpoint");
        jobs.MapPost("/{id}/resume", (HttpContext c, FineTuningJobs j, string id, CancellationToken ct) => Change(c, j, id, g => g.Resume(), ct))
            .RequireAuthorization(Policies.Member).WithSummary("OpenAI's fine-tuning: go on with a paused job");
        jobs.MapGet("/{id}/events", Events).RequireAuthorization(Policies.Reader).WithSummary("OpenAI's fine-tuning: events of a job, newest first");
        jobs.MapGet("/{id}/checkpoints", Checkpoints).RequireAuthorization(Policies.Reader).WithSummary("OpenAI's fine-tuning: kept checkpoints of a job, newest first");
    }

    private static async Task<IResult> Create(HttpContext context, JobOrders orders, FineTuningJobs jobs, CancellationToken ct)
    {
        var body = await BodyReader.ReadAsync(context.Request, MaxRequestBytes, ct);
        var job = await orders.SubmitAsync(context.Caller(), body, IdempotentPosts.KeyOf(context.Request), ct);
        return FineTuningJson.Result(await jobs.ShowAsync(job, ct));
    }

    private static async Task<IResult> List(HttpContext context, FineTuningJobs jobs, JobListing listing, CancellationToken ct)
    {
        var (caller, query) = (context.Caller(), ListQuery.Read(context.Request, UsualPage));
        var after = query.After is { } id ? FineTuningIds.Job(id) : null;
        if (after is not null && !Ids.IsId(after, Ids.Job)) throw ListQuery.Unknown(query.After!, "a fine-tuning job");
        var (found, more) = await listing.ReadAsync(caller.IsAdmin ? null : caller.Org ?? Names.SharedOrg, after, query.Limit, MetadataFilter.Read(context.Request.Query), ct);
        var shown = await Task.WhenAll(found.Select(job => jobs.ShowAsync(job, ct)));
        return FineTuningJson.Result(FineTuningPage<FineTuningJob>.Of(shown, more, job => job.Id));
    }

    private static async Task<IResult> Get(HttpContext context, FineTuningJobs jobs, string id, CancellationToken ct) =>
        FineTuningJson.Result(await jobs.ShowAsync(await jobs.FindAsync(context.Caller(), id), ct));

    private static async Task<IResult> Change(HttpContext context, FineTuningJobs jobs, string id, Func<IJobGrain, Task<JobView>> change, CancellationToken ct)
    {
        var caller = context.Caller();
        var job = await jobs.FindAsync(caller, id);
        if (!caller.CanWrite(job.Org)) throw new GridException(ErrorCodes.Forbidden, $"This key may not change jobs of organisation '{job.Org}'.");
        return FineTuningJson.Result(await jobs.ShowAsync(await change(jobs.Grain(job)), ct));
    }

    /// <summary>Entries are numbered from 1 without holes, so that a page is known by its upper end.</summary>
    private static async Task<IResult> Events(HttpContext context, FineTuningJobs jobs, string id)
    {
        var job = await jobs.FindAsync(context.Caller(), id);
        var (query, grain) = (ListQuery.Read(context.Request, UsualPage), jobs.Grain(job));
        var before = query.After is not { } after ? (await grain.Events(long.MaxValue, 1, 0)).Last + 1
            : FineTuningIds.Event(job.Id, after) ?? throw ListQuery.Unknown(after, "an event of this job");
        var below = Math.Max(0, before - 1 - query.Limit);
        var page = await grain.Events(below, query.Limit, 0);
        var shown = page.Events.Where(e => e.Seq < before).OrderByDescending(e => e.Seq).Select(e => EventViewer.Show(job.Id, e)).ToList();
        return FineTuningJson.Result(FineTuningPage<FineTuningEvent>.Of(shown, more: below > 0, e => e.Id));
    }

    private static async Task<IResult> Checkpoints(HttpContext context, FineTuningJobs jobs, TunedCheckpoints checkpoints, string id)
    {
        var job = await jobs.FindAsync(context.Caller(), id);
        var query = ListQuery.Read(context.Request, UsualCheckpoints);
        var before = query.After is { } after ? FineTuningIds.Checkpoint(job.Id, after) ?? throw ListQuery.Unknown(after, "a checkpoint of this job") : long.MaxValue;
        var found = await checkpoints.ListAsync(job, await jobs.BaseNameAsync(job), before, query.Limit);
        return FineTuningJson.Result(FineTuningPage<FineTuningCheckpoint>.Of([.. found.Take(query.Limit)], found.Count > query.Limit, c => c.Id));
    }
}
