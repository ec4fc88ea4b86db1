using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Audit;
using FineTuneGrid.Gateway.Idempotency;
using FineTuneGrid.Gateway.Jobs;
using FineTuneGrid.Gateway.Runs;
using FineTuneGrid.Gateway.Telemetry;
using Orleans;

namespace FineTuneGrid.Gateway.Apis;

/// <summary><c>/api/v1/jobs</c>: submit, look, steer.</summary>
public static class JobsApi
{
    private const int MaxSpecBytes = 1 << 20;

    /// <summary>Both null: the last window that is kept.</summary>
    private sealed record VerifyResumeRequest(int? FromStep = null, int? ToStep = null);

    public static void MapJobs(this IEndpointRouteBuilder routes)
    {
        var jobs = routes.MapGroup("/api/v1/jobs").WithTags("jobs").InArea(KeyScopes.Jobs);
        jobs.MapGet("/schema", () => Results.Json(JobSchema.Create())).AllowAnonymous().WithSummary("JSON Schema of a job, with defaults");
        jobs.MapPost("/", Submit).RequireAuthorization(Policies.Member).WithSummary("Submit a job; ?dry_run=true only resolves it")
            .Accepts<JobSpec>("application/json").Produces<JobView>(StatusCodes.Status201Created).WithMetadata(HandlesIdempotency.Instance)
            .Audited(AuditMode.Soon);
        jobs.MapGet("/", List).RequireAuthorization(Policies.Reader).WithSummary("Jobs, newest first");
        jobs.MapGet("/{id}", Get).RequireAuthorization(Policies.Reader).WithSummary("One job").Produces<JobView>();
        jobs.MapPost("/{id}/cancel", (HttpContext c, JobAccess a, string id) => Change(c, a, id, j => j.Cancel()))
            .RequireAuthorization(Policies.Member).WithSummary("Cancel; checkpoints and logs stay");
        jobs.MapPost("/{id}/pause", (HttpContext c, JobAccess a, string id) => Change(c, a, id, j => j.Pause()))
            .RequireAuthorization(Policies.Member).WithSummary("Checkpoint and give the slot back");
        jobs.MapPost("/{id}/resume", (HttpContext c, JobAccess a, string id) => Change(c, a, id, j => j.Resume()))
            .RequireAuthorization(Policies.Member).WithSummary("Queue a paused job again");
        jobs.MapDelete("/{id}", Delete).RequireAuthorization(Policies.Member).WithSummary("Delete a job that is over, with its checkpoints, events and logs");
        jobs.MapPost("/{id}/verify-resume", VerifyResume).RequireAuthorization(Policies.Member)
            .WithSummary("Train between two kept checkpoints again and compare the bytes; waits for a free slot's answer").Produces<ResumeVerification>().Audited(AuditMode.Never);
        jobs.MapGet("/{id}/events", Events).RequireAuthorization(Policies.Reader).WithSummary("Events, oldest first");
        jobs.MapGet("/{id}/events/stream", Stream).RequireAuthorization(Policies.Reader).WithSummary("Server-sent events, resumable by Last-Event-ID");
        jobs.MapGet("/{id}/metrics", Metrics).RequireAuthorization(Policies.Reader).WithSummary("Step metrics, each step once");
        jobs.MapGet("/{id}/checkpoints", Checkpoints).RequireAuthorization(Policies.Reader).WithSummary("Committed checkpoints with their digests");
        jobs.MapGet("/{id}/logs", Logs).RequireAuthorization(Policies.Reader).WithSummary("What a worker of the job printed, ?worker=0 (the first) and up; ?follow=true until the job ends");
    }

    private static async Task<IResult> Submit(HttpContext context, JobAccess access, JobSubmitter submitter, bool? dry_run, CancellationToken ct)
    {
        var body = await BodyReader.ReadAsync(context.Request, MaxSpecBytes, ct);
        var submission = await submitter.PrepareAsync(context.Caller(), JobSpecReader.Read(body), IdempotentPosts.KeyOf(context.Request));
        if (dry_run == true) return Results.Json(await access.PlanAsync(submission), GridJson.Options);
        var job = await submitter.SubmitAsync(submission, body, ct);
        return Results.Json(job, GridJson.Options, statusCode: StatusCodes.Status201Created).WithLocation(context, $"/api/v1/jobs/{job.Id}");
    }

    private static async Task<IResult> List(HttpContext context, IGrainFactory grains, JobAccess access, string? after, int? limit)
    {
        var caller = context.Caller();
        var page = await grains.GetGrain<IPoolGrain>(PoolKeys.Default).Jobs(caller.IsAdmin ? null : caller.Org ?? Names.SharedOrg, after, Paging.Limit(limit));
        var views = await Task.WhenAll(page.JobIds.Select(id => access.Grain(id).Get()));
        return Paging.Page(views.Where(v => v is not null), page.Next);
    }

    private static async Task<IResult> Get(HttpContext context, JobAccess access, string id) =>
        Results.Json(await access.ViewAsync(context.Caller(), id), GridJson.Options);

    private static async Task<IResult> Change(HttpContext context, JobAccess access, string id, Func<IJobGrain, Task<JobView>> change)
    {
        var caller = context.Caller();
        var job = await access.ViewAsync(caller, id);
        if (!caller.CanWrite(job.Org)) throw new GridException(ErrorCodes.Forbidden, $"This key may not change jobs of organisation '{job.Org}'.");
        return Results.Json(await change(access.Grain(id)), GridJson.Options);
    }

    private static async Task<IResult> Delete(HttpContext context, JobAccess access, JobCensus census, string id)
    {
        var caller = context.Caller();
        var job = await access.ViewAsync(caller, id);
        if (!caller.CanWrite(job.Org)) throw new GridException(ErrorCodes.Forbidden, $"This key may not delete jobs of organisation '{job.Org}'.");
        await access.Grain(id).Delete();
        census.Forget(id);
        return Results.NoContent();
    }

    private static async Task<IResult> VerifyResume(HttpContext context, JobAccess access, ResumeVerifier verifier, IHostApplicationLifetime lifetime, string id)
    {
        var caller = context.Caller();
        var job = await access.ViewAsync(caller, id);
        if (!caller.CanWrite(job.Org)) throw new GridException(ErrorCodes.Forbidden, $"This key may not use slots for jobs of organisation '{job.Org}'.");
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        var window = await BodyReader.ReadJsonAsync<VerifyResumeRequest>(context.Request, end.Token);
        try
        {
            return Results.Json(await verifier.VerifyAsync(id, window.FromStep, window.ToStep, end.Token), GridJson.Options);
        }
        catch (OperationCanceledException e) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            throw new GridException(ErrorCodes.Unavailable, "The server stops; try again when it is back.", inner: e);
        }
    }

    private static async Task<IResult> Events(HttpContext context, JobAccess access, string id, long? after, int? limit)
    {
        await access.ViewAsync(context.Caller(), id);
        var page = await access.Grain(id).Events(after ?? 0, Paging.Limit(limit), 0);
        return Paging.Page(page.Events, page.Events.Count == 0 ? null : page.Events[^1].Seq);
    }

    private static async Task<IResult> Stream(HttpContext context, JobAccess access, string id, long? after)
    {
        await access.ViewAsync(context.Caller(), id);
        return new JobEventStream(access.Grain(id), after);
    }

    private static async Task<IResult> Metrics(HttpContext context, JobAccess access, string id, int? after, int? limit)
    {
        await access.ViewAsync(context.Caller(), id);
        var wanted = Paging.Limit(limit ?? 1000);
        var steps = await access.Grain(id).Metrics(after ?? 0, wanted);
        return Paging.Page(steps, steps.Count < wanted ? null : steps[^1].Step);
    }

    private static async Task<IResult> Checkpoints(HttpContext context, JobAccess access, string id, long? after, int? limit)
    {
        await access.ViewAsync(context.Caller(), id);
        var checkpoints = (await access.Grain(id).Checkpoints()).OrderBy(c => c.Step).Where(c => after is null || c.Step > after).ToList();
        return Paging.First(checkpoints, limit, c => c.Step);
    }

    private static async Task<IResult> Logs(HttpContext context, JobAccess access, JobLogs logs, string id, bool? follow, int? worker)
    {
        await access.ViewAsync(context.Caller(), id);
        if (worker < 0) throw new GridException(ErrorCodes.InvalidValue, "The workers of a job are counted from 0.", "worker");
        return Results.Stream(output => LiveResponse.RunAsync(context, ct => logs.CopyAsync(id, worker ?? 0, output, follow == true, ct)), "text/plain; charset=utf-8");
    }
}
