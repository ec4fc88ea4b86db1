using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>
/// One job: reads an input, lets <see cref="JobMachine"/> decide, saves, then carries out the outbox. Reentrant, so no call
/// chain can lock itself up; <see cref="StateCell{T}"/> keeps it a single writer.
/// </summary>
[Reentrant]
[GrainType("job")]
public sealed partial class JobGrain : Grain, IJobGrain
{
    private const int MaxPage = 1000;
    private const int MaxMetrics = 10_000;
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(20);

    private readonly StateCell<JobState> _state;
    private readonly JobEffectRunner _runner;
    private readonly JobEventStore _events;
    private readonly IBlobStore _blobs;
    private readonly JobPolicy _policy;
    private readonly GridOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<JobGrain> _logger;
    private readonly Signal _changed = new();
    private readonly Dictionary<string, Task> _lanes = [];
    private readonly Dictionary<string, (int Failures, DateTimeOffset NotBefore)> _retries = [];
    private int _crashes;
    private IGrainTimer? _retry;
    private string? _obstacle;
    private bool _flushing;
    private bool _submitting;

    public JobGrain(
        [PersistentState("state", GridStorage.Name)] IPersistentState<Stored<JobState>> storage,
        JobEffectRunner runner, IBlobStore blobs, IOptions<GridOptions> options, TimeProvider time, ILogger<JobGrain> logger)
    {
        _state = new(storage, OnBroken);
        _runner = runner;
        _events = new(blobs, Id);
        _blobs = blobs;
        _options = options.Value;
        _policy = new(_options.StopPatience);
        _time = time;
        _logger = logger;
    }

    private string Id => this.GetPrimaryKeyString();

    private DateTimeOffset Now => _time.GetUtcNow();

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _state.Load();
        // Retries of effects; everything else is driven by calls. It ticks where one is due: live jobs may be many.
        _retry = this.RegisterGrainTimer(
            static (grain, _) => grain.RetryAsync(), this,
            new GrainTimerCreationOptions { DueTime = Timeout.InfiniteTimeSpan, Period = Timeout.InfiniteTimeSpan, Interleave = true });
        Pump();
        return Task.CompletedTask;
    }

    public async Task<JobView> Submit(JobSubmission submission)
    {
        if (_state.Latest is { Deleted: true })
            throw Gone();
        if (_state.Latest is null)
        {
            Submissions.Check(submission);
            _submitting = true;
        }
        // Beside each other, and accepted when both are durable. A crash in between leaves an index entry that wakes nobody, or a job
        // that nobody was told of: one who asks for it again, by its Idempotency-Key, has it indexed.
        var tracked = _state.Latest is { Live: false } ? Task.CompletedTask : Pool.Track(Id, submission.Org);
        await Task.WhenAll(tracked, _state.UpdateAsync(state => state is null or { Deleted: false } ? state ?? JobMachine.Create(Id, submission, Now) : throw Gone()));
        AfterUpdate();
        return JobViews.View(_state.Current!);
    }

    public async Task<ResolvedJob> DryRun(JobSubmission submission)
    {
        Submissions.Check(submission);
        return (await _runner.ResolveAsync(Id, submission)).Resolved;
    }

    public async Task<JobView?> Get()
    {
        if (_state.Current is not { Deleted: false } state)
            return null;
        return JobViews.View(state, state.Status switch
        {
            JobStatus.Queued => await Pool.Explain(Id),
            JobStatus.Validating when _obstacle is not null => new WaitReason("validation", _obstacle),
            _ => null,
        });
    }

    public Task<JobView> Cancel() => OwnerAsks(new CancelAsked());

    public Task<JobView> Pause() => OwnerAsks(new PauseAsked());

    public Task<JobView> Resume() => OwnerAsks(new ResumeAsked());

    public async Task<JobStanding?> Wake()
    {
        await _state.ConfirmAsync();
        Pump();
        if (_state.Current is { } state)
            return JobViews.Standing(state);
        // That there is no such job must not be remembered: it may be under way to another activation.
        if (!_submitting)
            DeactivateOnIdle();
        return null;
    }

    public async Task<StartAnswer> PrepareStart(PlacementGrant grant)
    {
        if (await DecideAsync(new Granted(grant)) is not { } state)
            return new StartAnswer(null);
        if (!JobMachine.MayStart(state, grant))
            return NoStart(state);
        // The store refuses every older trainer before the new one hears of its order.
        await _runner.FenceAsync(Id, state.Epoch);
        return JobMachine.MayStart(_state.Latest!, grant) ? new StartAnswer(JobViews.WorkerOrder(state, state.Placement!, rank: 0)) : NoStart(_state.Latest!);

        StartAnswer NoStart(JobState now) => new(null, Held: now.Placement?.Id == grant.PlacementId);
    }

    public async Task Report(string nodeId, string sessionId, TrainerReport report)
    {
        var before = _state.Latest?.Progress.CommittedStep;
        if (await DecideAsync(new Reported(sessionId, report)) is { Placement: { } placement } state && state.Progress.CommittedStep != before)
            TellProgress(state, placement.Id);
    }

    public Task PlacementLost(int epoch, string sessionId, GridError reason) => DecideAsync(new Lost(epoch, sessionId, reason));

    public Task Preempt(string placementId, string reason, string[] lostNodes) => DecideAsync(new StopAsked(placementId, reason, lostNodes));

    public Task Fail(GridError error) => DecideAsync(new Condemned(error));

    public async Task<JobEventPage> Events(long after, int limit, double waitSeconds)
    {
        limit = Math.Clamp(limit, 1, MaxPage);
        var until = Now + Min(TimeSpan.FromSeconds(Math.Max(0, waitSeconds)), MaxWait);
        while (true)
        {
            var state = Require(_state.Current);
            if (state.Events.Last > after || state.Status.IsTerminal() || Now >= until || _state.Broken)
            {
                var found = state.Events.Last > after ? await _events.ReadAsync(state.Events, Math.Max(0, after), limit) : [];
                var next = found.Count > 0 ? found[^1].Seq : after;
                return new JobEventPage(found, next, state.Status.IsTerminal() && next >= state.Events.Last, state.Events.Last);
            }
            await _changed.WaitAsync(until - Now, _time);
        }
    }

    public async Task<IReadOnlyList<StepMetrics>> Metrics(int afterStep, int limit)
    {
        var state = Require(_state.Current);
        return await _events.MetricsAsync(state.Events, afterStep, Math.Clamp(limit, 1, MaxMetrics), state.Progress.CommittedStep);
    }

    public Task<IReadOnlyList<CheckpointView>> Checkpoints() =>
        Task.FromResult<IReadOnlyList<CheckpointView>>(Require(_state.Current).Checkpoints.ToList());

    public async Task<VerificationTask> PlanVerification(int? fromStep, int? toStep)
    {
        var state = Require(_state.Current);
        var spec = state.Submission.Spec.Checkpoint;
        var window = ReplayWindow.Choose(Id, spec, await _runner.KeptAsync(Id, spec.Keep), fromStep, toStep);
        if (state.Plan is null)
            throw new GridException(ErrorCodes.Conflict, $"The job '{Id}' is still being validated.");
        return new VerificationTask(JobViews.Order(state), window.From.Manifest, window.To.Manifest);
    }

    private IPoolGrain Pool => GrainFactory.GetGrain<IPoolGrain>(PoolKeys.Default);

    private async Task<JobView> OwnerAsks(JobInput input)
    {
        Require(_state.Latest);
        await DecideAsync(input);
        return JobViews.View(_state.Current!);
    }

    /// <summary>Decides and saves. Null for an unknown job, whose inputs concern nobody.</summary>
    private async Task<JobState?> DecideAsync(JobInput input)
    {
        if (_state.Latest is not { } before)
            return null;
        var after = await _state.UpdateAsync(state =>
        {
            var next = JobMachine.Decide(state!, input, _policy, Now);
            return (next, next);
        });
        if (before.Status != after.Status)
            LogStatus(Id, after.Epoch, before.Status, after.Status);
        JobSpans.Ended(before, after);
        AfterUpdate();
        return after;
    }

    private void AfterUpdate()
    {
        _changed.Pulse();
        Pump();
        if (!_flushing && JobEventStore.Weight(_state.Current!.Events.Tail) >= JobEventStore.TailWeight)
            _ = FlushEventsAsync();
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private JobState Require(JobState? state) =>
        state is { Deleted: false } ? state : throw new GridException(ErrorCodes.NotFound, $"There is no job '{Id}'.");

    private void OnBroken(Exception e)
    {
        LogStateFailed(e, Id);
        _changed.Pulse();
        DeactivateOnIdle();
    }
}
