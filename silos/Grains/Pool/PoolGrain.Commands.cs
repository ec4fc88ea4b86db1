using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Scheduling;
using Microsoft.Extensions.Logging;

namespace FineTuneGrid.Grains.Pool;

/// <summary>
/// Commands, the tick, and the waking of jobs: all beside the calls. A command that fails is not repeated here, since the
/// scheduler repeats it until it is answered.
/// </summary>
public sealed partial class PoolGrain
{
    /// <summary>An announced job that nobody knows after this long never came to be.</summary>
    private static readonly TimeSpan AnnouncementLimit = TimeSpan.FromMinutes(10);

    private readonly Dictionary<string, Task> _lanes = [];
    private readonly Dictionary<string, DateTimeOffset> _unknown = [];
    private readonly Dictionary<string, (string Placement, Dictionary<string, NodeAvailability> Seen)> _missing = [];
    private DateTimeOffset _nextWake;
    private bool _waking;

    private void Dispatch(IReadOnlyList<SchedulerCommand> commands)
    {
        foreach (var command in commands)
        {
            var job = command switch
            {
                GrantCommand c => c.Job,
                StopCommand c => c.Job,
                FailCommand c => c.Job,
                _ => null,
            };
            if (job is not null)
                // In order per job: a stop that overtook its grant would be answered before the start.
                _lanes[job] = AfterAsync(_lanes.GetValueOrDefault(job, Task.CompletedTask), job, command);
            else if (command is QuarantineCommand quarantine)
                LogQuarantine(quarantine.Node, quarantine.Why);
        }
    }

    private async Task AfterAsync(Task previous, string job, SchedulerCommand command)
    {
        await previous;
        await Task.Yield();
        try
        {
            await CarryOutAsync(command);
        }
        catch (Exception e)
        {
            LogCommandFailed(e, command.GetType().Name, job);
        }
    }

    /// <summary>Whether a command to the job is on its way. A lane that has come to its end is forgotten.</summary>
    private bool IsBusy(string job)
    {
        if (!_lanes.TryGetValue(job, out var last))
            return false;
        if (last.IsCompleted)
            _lanes.Remove(job);
        return !last.IsCompleted;
    }

    private async Task CarryOutAsync(SchedulerCommand command)
    {
        switch (command)
        {
            case GrantCommand grant:
                await StartAsync(grant);
                break;
            case StopCommand stop:
                await Job(stop.Job).Preempt(stop.Placement, PoolEvents.Reason(stop.Reason), PoolEvents.LostNodes(Scheduler, stop.Job));
                break;
            case FailCommand fail:
                await Job(fail.Job).Fail(new GridError(fail.Code, fail.Why));
                break;
        }
    }

    private async Task StartAsync(GrantCommand grant)
    {
        var slot = grant.Slots[0];
        var answer = await Job(grant.Job).PrepareStart(PoolEvents.Grant(grant));
        if (answer.Order is not { } order)
        {
            if (!answer.Held)
                await ApplyAsync(new JobReleased(grant.Job, grant.Placement, ReleaseReason.Refused));
            return;
        }
        var command = new StartJob(grant.Session, slot.Slot, order) { OperationId = $"start-{grant.Job}-{order.Epoch}" };
        await GrainFactory.GetGrain<INodeGrain>(slot.Node).Send(command);
        LogGranted(grant.Job, grant.Placement, slot.Node, slot.Slot, order.Epoch);
    }

    private async Task TickAsync()
    {
        if (_state.Broken)
            return;
        try
        {
            if (Scheduler.NextDueAt <= NowMs)
                await HintAsync(new Tick());
            if (_waking || _time.GetUtcNow() < _nextWake)
                return;
            _waking = true;
            _nextWake = _time.GetUtcNow() + _options.WakeEvery;
            _ = WakeAllAsync();
        }
        catch (Exception e)
        {
            LogTickFailed(e);
        }
    }

    private async Task WakeAllAsync()
    {
        await Task.Yield();
        try
        {
            // A "queued" that came after its job had closed must not stay for ever: such a job is asked too.
            foreach (var some in _index.Live.Union(Scheduler.Jobs.Keys).ToArray().Chunk(_options.WakeConcurrency))
                await Task.WhenAll(some.Select(WakeAsync));
        }
        finally
        {
            _waking = false;
        }
    }

    private async Task WakeAsync(string job)
    {
        try
        {
            var standing = await Job(job).Wake();
            if (standing is null)
                await ForgetUnknownAsync(job);
            else
                await ReconcileAsync(job, standing);
        }
        catch (Exception e)
        {
            LogWakeFailed(e, job);
        }
    }

    private async Task ForgetUnknownAsync(string job)
    {
        var since = _unknown.TryGetValue(job, out var known) ? known : _unknown[job] = _time.GetUtcNow();
        if (_time.GetUtcNow() - since < AnnouncementLimit)
            return;
        _unknown.Remove(job);
        await ApplyAsync(new JobClosed(job));
        await _index.ForgetAsync(job);
    }

    /// <summary>Brings the scheduler to what the job says of itself, where the two differ.</summary>
    private async Task ReconcileAsync(string job, JobStanding standing)
    {
        _unknown.Remove(job);
        var busy = IsBusy(job);
        if (!standing.Live)
        {
            _missing.Remove(job);
            await Close(job);
            return;
        }
        var entry = Scheduler.Jobs.GetValueOrDefault(job);
        if (entry is null)
        {
            if (standing.Request is not null)
                await ApplyAsync(PoolEvents.Recovered(standing));
            return;
        }
        // A run that ends does so whatever else is on its way: a grant that is sent again and again must not hold it up.
        if (standing is { Placement: { } ending, Ending: true } && entry.Placement?.Id == ending.PlacementId)
        {
            await Job(job).Preempt(ending.PlacementId, StopReasons.GangBroken, PoolEvents.LostNodes(Scheduler, job));
            return;
        }
        // A command on its way will settle what differs now.
        if (busy)
            return;
        if (entry.Placement is { State: PlacementState.Running } running && running.Id != standing.Placement?.PlacementId && standing.Epoch >= running.Epoch)
            await ApplyAsync(new JobReleased(job, running.Id, ReleaseReason.Preempted));
        else if (standing.Placement is { } held && entry.Placement?.Id != held.PlacementId)
            await Job(job).Preempt(held.PlacementId, StopReasons.Isolated, []);
        else if (standing.Placement is { } placed)
            await CheckOnMachinesAsync(job, placed, standing.Sessions ?? [new PlacedSession(placed.NodeId, placed.SessionId)]);
        else
            _missing.Remove(job);
    }

    /// <summary>
    /// A placement with a trainer that two accounts of its living machine in a row do not know is over: nobody would ever report
    /// its end. One is not enough, since a start that was just taken shows with the next renewal only.
    /// </summary>
    private async Task CheckOnMachinesAsync(string job, PlacementGrant placed, IReadOnlyList<PlacedSession> sessions)
    {
        var before = _missing.Remove(job, out var known) && known.Placement == placed.PlacementId ? known.Seen : [];
        var missing = new Dictionary<string, NodeAvailability>();
        foreach (var (nodeId, session) in sessions)
            if (_nodes.TryGetValue(nodeId, out var node) && node.Alive && node.LeaseUntil >= _time.GetUtcNow() && !PoolEvents.Knows(node, session))
                missing[session] = node;
        foreach (var (session, seen) in missing)
            if (before.TryGetValue(session, out var earlier) && !ReferenceEquals(earlier, seen))
            {
                LogMissing(job, session, seen.NodeId);
                await Job(job).Preempt(placed.PlacementId, StopReasons.NodeLost, []);
                return;
            }
        if (missing.Count > 0)
            // The first account counts until a second one differs from it.
            _missing[job] = (placed.PlacementId, missing.ToDictionary(m => m.Key, m => before.GetValueOrDefault(m.Key, m.Value)));
    }

    private IJobGrain Job(string id) => GrainFactory.GetGrain<IJobGrain>(id);

    [LoggerMessage(LogLevel.Information, "The pool is up: {Live} live job(s), {Scheduled} in the scheduler, {Nodes} node(s)")]
    private partial void LogStarted(int live, int scheduled, int nodes);

    [LoggerMessage(LogLevel.Information, "Job {Job}: placement {Placement} on {Node}/{Slot}, epoch {Epoch}")]
    private partial void LogGranted(string job, string placement, string node, int slot, int epoch);

    [LoggerMessage(LogLevel.Warning, "{Command} for job {Job} failed; it is repeated until it is answered")]
    private partial void LogCommandFailed(Exception e, string command, string job);

    [LoggerMessage(LogLevel.Warning, "Job {Job} could not be woken; it is tried again")]
    private partial void LogWakeFailed(Exception e, string job);

    [LoggerMessage(LogLevel.Warning, "Job {Job}: its session {Session} is not on {Node}; it starts again")]
    private partial void LogMissing(string job, string session, string node);

    [LoggerMessage(LogLevel.Warning, "Node {Node} is quarantined: {Why}")]
    private partial void LogQuarantine(string node, string why);

    [LoggerMessage(LogLevel.Error, "The pool's tick failed")]
    private partial void LogTickFailed(Exception e);

    [LoggerMessage(LogLevel.Error, "The pool's state could not be saved; the activation ends and reads it again")]
    private partial void LogStateFailed(Exception e);
}
