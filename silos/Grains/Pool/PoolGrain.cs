using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Scheduling;
using FineTuneGrid.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;
using JobProgress = FineTuneGrid.Scheduling.JobProgress;
using WaitReason = FineTuneGrid.Contracts.Jobs.WaitReason;

namespace FineTuneGrid.Grains.Pool;

/// <summary>
/// The shell around the scheduler: makes events durable, then carries out the commands beside the calls, never within one. So
/// it may be called by jobs and nodes at any time. Its state is a snapshot that the jobs can build again.
/// </summary>
[Reentrant]
[KeepAlive]
[GrainType("pool")]
public sealed partial class PoolGrain : Grain, IPoolGrain
{
    private const int MaxPage = 500;

    private readonly StateCell<PoolState> _state;
    private readonly JobIndex _index;
    private readonly GridOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<PoolGrain> _logger;
    private readonly Dictionary<string, NodeAvailability> _nodes = [];

    public PoolGrain(
        [PersistentState("state", GridStorage.Name)] IPersistentState<Stored<PoolState>> storage,
        IBlobStore blobs, IOptions<GridOptions> options, TimeProvider time, ILogger<PoolGrain> logger)
    {
        _state = new(storage, OnBroken);
        _index = new JobIndex(blobs);
        (_options, _time, _logger) = (options.Value, time, logger);
    }

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private SchedulerState Scheduler => _state.Latest?.Scheduler ?? Fresh();

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _state.Load();
        await _index.LoadAsync(cancellationToken);
        _state.Stage(new PoolState(Spare(Scheduler)));
        LogStarted(_index.Live.Count, Scheduler.Jobs.Count, Scheduler.Nodes.Count);
        this.RegisterGrainTimer(
            static (grain, _) => grain.TickAsync(), this,
            new GrainTimerCreationOptions { DueTime = TimeSpan.Zero, Period = _options.PoolTick, Interleave = true, KeepAlive = true });
    }

    public Task Start() => Task.CompletedTask;

    public Task Track(string jobId, string org) => _index.AddAsync(jobId, org);

    public Task Enqueue(QueuedJob job) => ApplyAsync(new JobQueued(PoolEvents.Request(job)));

    public Task Started(string jobId, string placementId, int epoch) => ApplyAsync(new JobStarted(jobId, placementId, epoch));

    public Task Release(PlacementRelease release) => ApplyAsync(PoolEvents.Released(release));

    public Task SetPaused(string jobId, bool paused) => ApplyAsync(paused ? new JobPaused(jobId) : new JobResumed(jobId));

    public Task Cancel(string jobId) => ApplyAsync(new JobCancelled(jobId));

    public async Task Close(string jobId)
    {
        await ApplyAsync(new JobClosed(jobId));
        await _index.CloseAsync(jobId);
    }

    public Task Forget(string jobId) => _index.ForgetAsync(jobId);

    public Task Progress(string jobId, string placementId, double remainingSeconds, int committedStep, double saveSeconds, double reloadSeconds) =>
        HintAsync(new JobProgress(jobId, placementId, PoolEvents.Milliseconds(remainingSeconds), committedStep)
        {
            SaveMs = PoolEvents.Milliseconds(saveSeconds), ReloadMs = PoolEvents.Milliseconds(reloadSeconds),
        });

    public async Task NodeChanged(NodeAvailability node)
    {
        _nodes[node.NodeId] = node;
        var events = PoolEvents.Node(Scheduler.Nodes.GetValueOrDefault(node.NodeId), node);
        if (events is [NodeLeaseRenewed renewal])
            await HintAsync(renewal);
        else
            foreach (var change in events)
                await ApplyAsync(change);
        if (node.Registered)
            Dispatch(PoolEvents.LostStarts(Scheduler, node));
    }

    public Task<WaitReason?> Explain(string jobId) => Task.FromResult(
        Scheduling.Scheduler.Explain(Scheduler, jobId) is [var first, ..] ? new WaitReason(first.Code, first.Text, first.Counterfactual) : null);

    public Task<IReadOnlyList<QueueView>> Queues() => Task.FromResult<IReadOnlyList<QueueView>>(
        Scheduler.Jobs.Values.GroupBy(j => j.Request.Queue).OrderBy(q => q.Key, StringComparer.Ordinal)
            .Select(q => new QueueView(q.Key, q.Count(j => j.Phase == JobPhase.Waiting), q.Count(j => j.Phase == JobPhase.Placed)))
            .ToList());

    public Task<IReadOnlyList<string>> Nodes() => Task.FromResult<IReadOnlyList<string>>(Scheduler.Nodes.Keys.ToList());

    public Task<IReadOnlyList<NodeAvailability>> LiveNodes()
    {
        var now = _time.GetUtcNow();
        return Task.FromResult<IReadOnlyList<NodeAvailability>>(
            _nodes.Values.Where(n => n.Alive && n.LeaseUntil > now).Select(n => n with { TakenSlots = Taken(n.NodeId) }).ToList());
    }

    public Task<JobIndexPage> Jobs(string? org, string? after, int limit) => Task.FromResult(_index.Page(org, after, Math.Clamp(limit, 1, MaxPage)));

    public Task<JobIndexPage> LiveJobs(string? org, string? after, int limit) => Task.FromResult(_index.LivePage(org, after, Math.Clamp(limit, 1, MaxPage)));

    private List<int> Taken(string nodeId) =>
        Scheduler.Nodes.TryGetValue(nodeId, out var node) ? Enumerable.Range(0, node.Slots.Count).Where(i => node.Slots[i].Session is not null).ToList() : [];

    /// <summary>Durable before it returns; then the commands are carried out.</summary>
    private async Task ApplyAsync(SchedulerEvent change)
    {
        var commands = await _state.UpdateAsync(state =>
        {
            var (next, result) = Step(state, change);
            return (next, result);
        });
        Dispatch(commands);
    }

    /// <summary>For what may be lost: saved with the next write, unless it makes the scheduler act.</summary>
    private async Task HintAsync(SchedulerEvent change)
    {
        var (next, commands) = Step(_state.Latest, change);
        _state.Stage(next);
        if (commands.Count == 0)
            return;
        await _state.FlushAsync();
        Dispatch(commands);
    }

    private (PoolState Next, IReadOnlyList<SchedulerCommand> Commands) Step(PoolState? state, SchedulerEvent change)
    {
        var before = state?.Scheduler ?? Fresh();
        var (next, commands) = Scheduling.Scheduler.Step(before, change, NowMs);
        // That time has passed alone is not worth a write.
        return (state is not null && commands.Count == 0 && next.SameAs(before) ? state : new PoolState(next), commands);
    }

    /// <summary>Numbers that start at the time of day are not given twice, even where this state was lost.</summary>
    private SchedulerState Fresh() => SchedulerState.Create(_options.Scheduler) with { NextId = NowMs };

    /// <summary>Applies the present figures. While the pool was away nobody could renew: every node gets a whole lease to come back.</summary>
    private SchedulerState Spare(SchedulerState state)
    {
        var lease = NowMs + (long)_options.NodeLease.TotalMilliseconds;
        foreach (var node in state.Nodes.Values.Where(n => !n.Lost))
            state = Scheduling.Scheduler.Step(state, new NodeLeaseRenewed(node.Id, node.Incarnation, lease), NowMs).State;
        return state.Options == _options.Scheduler
            ? state
            : Scheduling.Scheduler.Step(state, new OptionsChanged(_options.Scheduler), NowMs).State;
    }

    private void OnBroken(Exception e)
    {
        LogStateFailed(e);
        DeactivateOnIdle();
    }
}
