using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace FineTuneGrid.Grains.Nodes;

/// <summary>
/// The control plane's side of one node. Reentrant: reports wait for jobs, which send commands here. The lease itself is kept
/// in memory and with the pool, which declares the node lost; after a restart of this grain the agent's next renewal restores it.
/// </summary>
[Reentrant]
[GrainType("node")]
public sealed partial class NodeGrain : Grain, INodeGrain
{
    private static readonly TimeSpan MaxPoll = TimeSpan.FromSeconds(10);
    // A little below the callers' own limits, so that they hear why.
    private static readonly TimeSpan TaskLimit = TimeSpan.FromMinutes(5) - TimeSpan.FromSeconds(5);
    private static readonly TimeSpan VerifyLimit = TimeSpan.FromHours(1) - TimeSpan.FromSeconds(5);

    private readonly StateCell<NodeState> _state;
    private readonly GridOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<NodeGrain> _logger;
    private readonly Signal _commands = new();
    private readonly NodeTasks _tasks = new();
    private IReadOnlyList<SessionStatus> _sessions = [];
    private DateTimeOffset? _leaseUntil;

    public NodeGrain(
        [PersistentState("state", GridStorage.Name)] IPersistentState<Stored<NodeState>> storage,
        IOptions<GridOptions> options, TimeProvider time, ILogger<NodeGrain> logger)
    {
        _state = new(storage, OnBroken);
        (_options, _time, _logger) = (options.Value, time, logger);
    }

    private string Id => this.GetPrimaryKeyString();

    private IPoolGrain Pool => GrainFactory.GetGrain<IPoolGrain>(PoolKeys.Default);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _state.Load();
        // Nobody waits any more for tasks of an earlier activation.
        if (_state.Latest is { } state && state.Commands.Any(c => c is RunTask))
            _state.Stage(state with { Commands = [.. state.Commands.Where(c => c is not RunTask)] });
        _sessions = _state.Latest?.Registration.Sessions ?? [];
        return Task.CompletedTask;
    }

    public async Task<NodeWelcome> Register(NodeRegistration registration)
    {
        if (registration.NodeId != Id)
            throw new GridException(ErrorCodes.InvalidValue, $"The node '{registration.NodeId}' cannot register as '{Id}'.", "node_id");
        // What an earlier agent took died with it; what none has taken yet is this one's.
        if (_state.Latest is { } known && known.Registration.Incarnation != registration.Incarnation)
            Abandon(id => !known.Commands.Any(c => c is RunTask run && run.Task.TaskId == id));
        await _state.UpdateAsync(s => NodeRules.Register(s, registration));
        LogRegistered(Id, registration.Incarnation, registration.Slots.Count);
        Extend(registration.Sessions);
        await Pool.NodeChanged(Availability(registered: true));
        return Welcome();
    }

    public async Task<NodeWelcome> Renew(string incarnation, IReadOnlyList<SessionStatus> sessions)
    {
        NodeRules.Require(_state.Latest, Id, incarnation);
        Extend(sessions);
        await Pool.NodeChanged(Availability(registered: false));
        return Welcome();
    }

    public async Task<IReadOnlyList<NodeCommand>> Poll(string incarnation, long after, double waitSeconds)
    {
        var until = _time.GetUtcNow() + TimeSpan.FromSeconds(Math.Clamp(waitSeconds, 0, MaxPoll.TotalSeconds));
        var state = NodeRules.Require(_state.Latest, Id, incarnation);
        if (after > state.LastCommand)
            await _state.UpdateAsync(s => NodeRules.Acknowledge(NodeRules.Require(s, Id, incarnation), after));
        else
            // What the machine holds is only trimmed; losing that costs nothing, so it is saved with the next write.
            _state.Stage(NodeRules.Acknowledge(state, after));
        while (true)
        {
            // Only what is durable is handed out: a number must never stand for two commands.
            var ready = NodeRules.Require(_state.Current, Id, incarnation).Commands.Where(c => c.Seq > after).ToList();
            if (ready.Count > 0 || _time.GetUtcNow() >= until || _state.Broken)
                return ready;
            await _commands.WaitAsync(until - _time.GetUtcNow(), _time);
        }
    }

    public async Task Report(string incarnation, IReadOnlyList<NodeReport> reports)
    {
        NodeRules.Require(_state.Latest, Id, incarnation);
        // One session's reports in order; sessions beside one another.
        await Task.WhenAll(reports.GroupBy(r => r.SessionId).Select(DeliverAsync));
    }

    public async Task Send(NodeCommand command)
    {
        await _state.UpdateAsync(s => NodeRules.Send(s, Id, command));
        _commands.Pulse();
    }

    public Task Say(string incarnation, IReadOnlyList<TaskPieces> said)
    {
        NodeRules.Require(_state.Latest, Id, incarnation);
        _tasks.Say(said);
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<CompletionPiece>> Listen(string taskId, double waitSeconds) =>
        _tasks.ListenAsync(taskId, TimeSpan.FromSeconds(Math.Clamp(waitSeconds, 0, MaxPoll.TotalSeconds)), _time);

    public Task<TrainerTaskReply> Run(TrainerTask task) => RunAsync(task, TaskLimit, CancellationToken.None);

    public Task<TrainerTaskReply> Verify(TrainerTask task, CancellationToken cancellation) => RunAsync(task, VerifyLimit, cancellation);

    public async Task<NodeView> Drain(bool draining)
    {
        await _state.UpdateAsync(s => (s ?? throw new GridException(ErrorCodes.NotFound, $"There is no node '{Id}'.")) with { Draining = draining });
        await Pool.NodeChanged(Availability(registered: false));
        return View(_state.Current!);
    }

    public Task<NodeView?> Get() => Task.FromResult(_state.Current is { } state ? View(state) : null);

    public async Task Goodbye(string incarnation)
    {
        await _state.UpdateAsync(s => NodeRules.Require(s, Id, incarnation) with { Gone = true });
        LogGoodbye(Id);
        _sessions = [];
        _leaseUntil = null;
        Abandon(_ => true);
        await Pool.NodeChanged(Availability(registered: true));
    }

    private async Task<TrainerTaskReply> RunAsync(TrainerTask task, TimeSpan limit, CancellationToken cancellation)
    {
        if (!IsAlive)
            throw new GridException(ErrorCodes.Unavailable, $"The node '{Id}' is not alive.");
        var reply = _tasks.Begin(task.TaskId);
        try
        {
            await Send(new RunTask(task) { OperationId = task.TaskId });
            return await reply.WaitAsync(limit, _time, cancellation);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            await Send(new StopTask(task.TaskId) { OperationId = $"{task.TaskId}/stop" });
            if (e is OperationCanceledException)
                throw;
            throw new GridException(ErrorCodes.Unavailable, $"The node '{Id}' did not answer in {limit.TotalSeconds:0} s.", inner: e);
        }
        finally
        {
            _tasks.End(task.TaskId);
        }
    }

    /// <summary>Frees those who wait for tasks that nobody runs any more.</summary>
    private void Abandon(Func<string, bool> which) =>
        _tasks.Fail(which, new GridError(ErrorCodes.Unavailable, $"The node '{Id}' stopped before it had answered; try again."));

    private bool IsAlive => _state.Current is { Gone: false } && _leaseUntil > _time.GetUtcNow();

    private async Task DeliverAsync(IEnumerable<NodeReport> reports)
    {
        foreach (var report in reports)
        {
            if (report.Task is { } reply)
                _tasks.Answer(reply);
            if (report.Report is JobReport told)
                await GrainFactory.GetGrain<IJobGrain>(told.JobId).Report(Id, report.SessionId, told);
            if (report.Ended is { } ended)
                await EndAsync(report.SessionId, ended);
        }
    }

    private async Task EndAsync(string session, SessionEnded ended)
    {
        LogSessionEnded(Id, session, ended.ExitCode, ended.Signal, ended.Jobs.Count);
        var reason = NodeRules.EndOf(ended);
        foreach (var job in ended.Jobs)
            await GrainFactory.GetGrain<IJobGrain>(job.JobId).PlacementLost(job.Epoch, session, reason);
    }

    private void Extend(IReadOnlyList<SessionStatus> sessions)
    {
        _sessions = sessions;
        _leaseUntil = _time.GetUtcNow() + _options.NodeLease;
    }

    private NodeWelcome Welcome() => new(_options.NodeLease.TotalSeconds, _options.NodeRenew.TotalSeconds, _state.Current!.Acknowledged);

    private NodeAvailability Availability(bool registered)
    {
        var state = _state.Current!;
        var r = state.Registration;
        // What the machine has taken may not be durable yet: it would seem to be on its way for as long as nothing else is written.
        var pending = _state.Latest!.Commands.OfType<StartJob>().Select(c => c.SessionId).ToList();
        return new NodeAvailability(
            Id, state.Generation, registered, r.Slots, state.Draining, !state.Gone, _leaseUntil ?? _time.GetUtcNow(), _sessions, r.Build, pending,
            Features: r.Features);
    }

    private NodeView View(NodeState state)
    {
        var status = state.Gone ? "stopped" : !IsAlive ? "lost" : state.Draining ? "draining" : "ready";
        var r = state.Registration;
        return new NodeView(Id, r.Host, status, state.Draining, r.Slots, _sessions, _leaseUntil, r.Build, r.Features);
    }

    private void OnBroken(Exception e)
    {
        LogStateFailed(e, Id);
        _commands.Pulse();
        DeactivateOnIdle();
    }
}
