using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Agent.Tests;

/// <summary>A node's grain in memory: numbered commands, long polls, and everything it was told.</summary>
internal sealed class FakeNode(double leaseSeconds = 60) : INodeGrain
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly Lock _gate = new();
    private readonly List<NodeCommand> _commands = [];
    private readonly List<NodeReport> _reports = [];
    private readonly List<NodeRegistration> _registrations = [];
    private readonly List<TaskPieces> _said = [];
    private TaskCompletionSource _changed = New();
    private long _acknowledged;

    public bool SaidGoodbye { get; private set; }

    /// <summary>While it is set, every call fails, as when the control plane is away.</summary>
    public bool IsAway { get; set; }

    /// <summary>The next reports that arrive are stored, but the caller hears of a failure.</summary>
    public int LostReplies { get; set; }

    public IReadOnlyList<NodeRegistration> Registrations => Locked(() => _registrations.ToArray());

    public IReadOnlyList<NodeReport> Reports => Locked(() => _reports.ToArray());

    /// <summary>What tasks told while they ran.</summary>
    public IReadOnlyList<TaskPieces> Said => Locked(() => _said.ToArray());

    public IReadOnlyList<SessionStatus> Sessions { get; private set; } = [];

    public int Polls { get; private set; }

    public Task<NodeWelcome> Register(NodeRegistration registration)
    {
        Arrive();
        Change(() => _registrations.Add(registration));
        return Task.FromResult(new NodeWelcome(leaseSeconds, leaseSeconds / 10, _acknowledged));
    }

    public Task<NodeWelcome> Renew(string incarnation, IReadOnlyList<SessionStatus> sessions)
    {
        Arrive(incarnation);
        Change(() => Sessions = sessions);
        return Task.FromResult(new NodeWelcome(leaseSeconds, leaseSeconds / 10, _acknowledged));
    }

    public async Task<IReadOnlyList<NodeCommand>> Poll(string incarnation, long after, double waitSeconds)
    {
        Arrive(incarnation);
        _acknowledged = Math.Max(_acknowledged, after);
        Change(() => Polls++);
        using var over = new CancellationTokenSource(TimeSpan.FromSeconds(waitSeconds));
        while (true)
        {
            var (ready, changed) = Locked(() => (_commands.Where(c => c.Seq > after).ToArray(), _changed.Task));
            if (ready.Length > 0 || over.IsCancellationRequested) return ready;
            await Task.WhenAny(changed, Task.Delay(Timeout.Infinite, over.Token));
        }
    }

    public Task Report(string incarnation, IReadOnlyList<NodeReport> reports)
    {
        Arrive(incarnation);
        Change(() => _reports.AddRange(reports));
        return LostReplies-- > 0 ? throw new TimeoutException("the reply was lost") : Task.CompletedTask;
    }

    public Task Send(NodeCommand command)
    {
        Change(() => _commands.Add(command with { Seq = _commands.Count + 1, OperationId = $"op-{_commands.Count + 1}" }));
        return Task.CompletedTask;
    }

    public Task<TrainerTaskReply> Run(TrainerTask task) => throw new NotSupportedException("agents do not run tasks through their grain");

    public Task<TrainerTaskReply> Verify(TrainerTask task, CancellationToken cancellation) => Run(task);

    public Task Say(string incarnation, IReadOnlyList<TaskPieces> said)
    {
        Arrive(incarnation);
        Change(() => _said.AddRange(said));
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<CompletionPiece>> Listen(string taskId, double waitSeconds) => throw new NotSupportedException("agents do not listen to their own tasks");

    public Task<NodeView> Drain(bool draining) => throw new NotSupportedException("agents do not drain");

    public Task<NodeView?> Get() => Task.FromResult<NodeView?>(null);

    public Task Goodbye(string incarnation)
    {
        Arrive(incarnation);
        SaidGoodbye = true;
        return Task.CompletedTask;
    }

    /// <summary>Waits for a trainer's report that satisfies the condition.</summary>
    public async Task<T> UntilAsync<T>(Func<T, bool>? which = null)
        where T : TrainerReport =>
        (T)(await UntilAsync(r => r.Report is T report && (which is null || which(report)), typeof(T).Name)).Report!;

    public async Task<NodeReport> UntilAsync(Func<NodeReport, bool> which, string awaited)
    {
        using var over = new CancellationTokenSource(Limit);
        while (true)
        {
            var (found, changed) = Locked(() => (_reports.FirstOrDefault(which), _changed.Task));
            if (found is not null) return found;
            try
            {
                await changed.WaitAsync(over.Token);
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"{awaited} was not reported; reported were: {string.Join("\n", Reports)}");
            }
        }
    }

    public Task UntilRegisteredAsync(int times) => UntilAsync(() => _registrations.Count >= times);

    public Task UntilPolledAsync(int times) => UntilAsync(() => Polls >= times);

    public Task UntilSaidAsync(string taskId) => UntilAsync(() => _said.Any(s => s.TaskId == taskId));

    private async Task UntilAsync(Func<bool> reached)
    {
        while (true)
        {
            var (over, changed) = Locked(() => (reached(), _changed.Task));
            if (over) return;
            await changed.WaitAsync(Limit);
        }
    }

    private void Arrive(string? incarnation = null)
    {
        if (IsAway) throw new TimeoutException("the control plane is away");
        if (incarnation is not null && incarnation != Locked(() => _registrations[^1].Incarnation))
            throw new GridException(ErrorCodes.LeaseLost, "another incarnation registered");
    }

    private void Change(Action change)
    {
        lock (_gate)
        {
            change();
            _changed.SetResult();
            _changed = New();
        }
    }

    private T Locked<T>(Func<T> read)
    {
        lock (_gate) return read();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
