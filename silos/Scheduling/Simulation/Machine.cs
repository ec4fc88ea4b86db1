namespace FineTuneGrid.Scheduling.Simulation;

internal enum NodeOrderKind
{
    Start,
    Stop,
    Probe,
}

/// <summary>A command to a node's agent about one worker of one epoch of a job.</summary>
internal sealed record NodeOrder(NodeOrderKind Kind, int Job, int Epoch, int Worker)
{
    public int Slot { get; init; }

    public string Session { get; init; } = "";

    /// <summary>Workers of the gang.</summary>
    public int Size { get; init; } = 1;

    public long Incarnation { get; init; }
}

/// <summary>A node: its agent, its trainers, its clock, and its side of the control plane (lease and command queue).</summary>
internal sealed class Machine
{
    public const long LeaseMs = 12_000;
    public const long RenewMs = 3_000;
    private const long GraceToStopMs = 3_000;

    private readonly World _world;
    private readonly SlotSpec[] _slots;
    private readonly int _driftPpm;

    // The agent's memory: gone when it dies.
    private readonly Dictionary<int, int> _stopped = [];
    private bool _registered;

    // The control plane's durable record of stops, by job.
    private readonly Dictionary<int, int> _stoppedDurably = [];

    // On the machine's disk.
    private long _incarnation;
    private long _leaseUntil;

    public Machine(World world, string id, SlotSpec[] slots, int driftPpm)
    {
        (_world, Id, _slots, _driftPpm) = (world, id, slots, driftPpm);
        Loop();
    }

    public string Id { get; }

    public SimProcess Agent { get; } = new();

    public List<TrainerProcess> Trainers { get; } = [];

    public List<TrainerRun> Runs { get; } = [];

    /// <summary>No message to or from the control plane gets through before this time.</summary>
    public long CutOffUntil { get; set; }

    private long LocalNow => _world.Clock.Now + _world.Clock.Now * _driftPpm / 1_000_000;

    private Guards Guards => _world.Guards;

    public bool LeaseHolds(long margin) => LocalNow < _leaseUntil - margin;

    public TrainerRun? Find(int job, int epoch, int worker)
    {
        foreach (var run in Runs)
            if (run.Job == job && run.Epoch == epoch && run.Worker == worker)
                return run;
        return null;
    }

    /// <summary>A command arrives at the control plane's side of the node.</summary>
    public void FromJob(NodeOrder order) => _world.Net(null, null, () =>
    {
        var remembers = Guards.HasFlag(Guards.RememberStops);
        if (order.Kind == NodeOrderKind.Stop)
            _stoppedDurably[order.Job] = Math.Max(order.Epoch, _stoppedDurably.GetValueOrDefault(order.Job));
        var node = _world.Durable.Nodes.GetValueOrDefault(Id);
        if (node is null or { Lost: true })
        {
            // Its lease is over and with it every trainer there, whatever the machine itself believes.
            if (order.Kind == NodeOrderKind.Stop && node is not null)
                _world.ToJob(order.Job, new JobMessage(JobMessageKind.Detached) { Epoch = order.Epoch, Worker = order.Worker });
            return;
        }
        if (order.Kind == NodeOrderKind.Start && remembers && _stoppedDurably.GetValueOrDefault(order.Job) >= order.Epoch)
            return;
        var stamped = order with { Incarnation = node.Incarnation };
        _world.Net(Agent, this, () => Handle(stamped));
    });

    public void CrashAgent(long downFor)
    {
        if (!Agent.Alive)
            return;
        Agent.Kill();
        _world.Clock.Post(null, downFor, StartAgent);
    }

    public void Crash(long downFor)
    {
        foreach (var trainer in Trainers)
            trainer.Process.Kill();
        foreach (var run in Runs)
            run.State = RunState.Gone;
        Trainers.Clear();
        Runs.Clear();
        _leaseUntil = 0;
        if (Agent.Alive)
        {
            Agent.Kill();
            _world.Clock.Post(null, downFor, StartAgent);
        }
    }

    /// <summary>Tells the job what became of a run; if the agent is away, a probe will ask.</summary>
    public void Report(TrainerRun run)
    {
        if (!Agent.Alive)
            return;
        _world.Clock.Post(Agent, 20, () =>
        {
            var message = run.State switch
            {
                RunState.Finished => new JobMessage(JobMessageKind.Finished),
                RunState.Gone => new JobMessage(JobMessageKind.Ended) { Crashed = run.Crashed },
                _ => new JobMessage(JobMessageKind.Attached),
            };
            ToJob(run.Job, message with { Epoch = run.Epoch, Worker = run.Worker });
        });
    }

    private void StartAgent()
    {
        if (_world.Tracing)
            _world.Trace(() => $"{Id}: agent starts");
        Agent.Restart();
        _stopped.Clear();
        _registered = false;
        Loop();
    }

    private void Loop()
    {
        Renew();
        _world.Clock.Post(Agent, RenewMs, Loop);
    }

    private void Renew()
    {
        CheckLease();
        // Of a registration whose answer got lost nobody knows what was sent to it since: the next one begins anew.
        if (!_registered)
            _incarnation++;
        var sent = LocalNow;
        var life = _incarnation;
        SchedulerEvent e = _registered
            ? new NodeLeaseRenewed(Id, life, 0)
            : new NodeRegistered(Id, life, 0, _slots) { LiveSessions = [.. Trainers.Where(t => t.Process.Alive).Select(t => t.Session).Distinct()] };
        _world.ToPool(this, e, current => Renewed(sent, life, current));
    }

    private void Renewed(long sent, long life, bool current)
    {
        if (life != _incarnation)
            return;
        if (!current)
        {
            _registered = false;
            return;
        }
        if (_registered && LocalNow >= _leaseUntil && CheckLease())
            return;
        _registered = true;
        _leaseUntil = Math.Max(_leaseUntil, sent + LeaseMs);
    }

    /// <summary>A lapsed lease ends this life: nothing that ran under it may go on under the next. True where it had lapsed.</summary>
    private bool CheckLease()
    {
        if (_leaseUntil == 0 || LocalNow < _leaseUntil)
            return false;
        _registered = false;
        _leaseUntil = 0;
        if (_world.Tracing)
            _world.Trace(() => $"{Id}: lease lapsed in life {_incarnation}");
        if (!Guards.HasFlag(Guards.KillBeforeRejoin))
            return true;
        foreach (var trainer in Trainers)
            trainer.End(crashed: false);
        Trainers.Clear();
        return true;
    }

    private void Handle(NodeOrder order)
    {
        if (_world.Tracing)
            _world.Trace(() => $"{Id} life {_incarnation}: {order}");
        if (CheckLease() || !_registered)
            return;
        if (Guards.HasFlag(Guards.OrderIncarnation) && order.Incarnation != _incarnation)
            return;
        switch (order.Kind)
        {
            case NodeOrderKind.Start:
                Start(order);
                break;
            case NodeOrderKind.Stop:
                Stop(order);
                break;
            default:
                if (Find(order.Job, order.Epoch, order.Worker) is { } known)
                    Report(known);
                else
                    ToJob(order.Job, new JobMessage(JobMessageKind.Ended) { Epoch = order.Epoch, Worker = order.Worker });
                break;
        }
    }

    private void Start(NodeOrder order)
    {
        if (Guards.HasFlag(Guards.RememberStops) && _stopped.GetValueOrDefault(order.Job) >= order.Epoch)
        {
            // "Gone" only if it is: the stop may have left the run time to save.
            if (Find(order.Job, order.Epoch, order.Worker) is not { Live: true })
                Detached(order.Job, order.Epoch, order.Worker);
            return;
        }
        if (Guards.HasFlag(Guards.CommandDedup) && Find(order.Job, order.Epoch, order.Worker) is { } known)
        {
            Report(known);
            return;
        }
        foreach (var older in Runs)
            if (older.Job == order.Job && older.Epoch < order.Epoch && older.Live)
                older.End(crashed: false);
        Trainers.RemoveAll(t => !t.Process.Alive || (t.Slot == order.Slot && t.Session != order.Session && t.Idle && KillIdle(t)));
        var trainer = Trainers.FirstOrDefault(t => t.Slot == order.Slot && t.Session == order.Session);
        if (trainer is null)
            Trainers.Add(trainer = new TrainerProcess(this, order.Slot, order.Session));
        var run = new TrainerRun(_world, this, trainer, order);
        trainer.Runs.Add(run);
        Runs.Add(run);
        run.Begin();
        Report(run);
    }

    private void Stop(NodeOrder order)
    {
        _stopped[order.Job] = Math.Max(order.Epoch, _stopped.GetValueOrDefault(order.Job));
        var any = false;
        foreach (var run in Runs)
        {
            if (run.Job != order.Job || run.Epoch > order.Epoch || !run.Live)
                continue;
            any = true;
            run.AskToStop();
        }
        if (!any)
        {
            Detached(order.Job, order.Epoch, order.Worker);
            return;
        }
        // A trainer that does not stop in time is killed, even if it is itself stopped by a signal.
        _world.Clock.Post(Agent, _world.Random.Below(2) == 0 ? 0 : GraceToStopMs, () =>
        {
            foreach (var run in Runs)
                if (run.Job == order.Job && run.Epoch <= order.Epoch && run.Live)
                    run.End(crashed: false);
            Detached(order.Job, order.Epoch, order.Worker);
        });
    }

    private static bool KillIdle(TrainerProcess trainer)
    {
        trainer.Process.Kill();
        return true;
    }

    private void Detached(int job, int epoch, int worker) =>
        ToJob(job, new JobMessage(JobMessageKind.Detached) { Epoch = epoch, Worker = worker });

    private void ToJob(int job, JobMessage message)
    {
        if (CutOffUntil <= _world.Clock.Now)
            _world.ToJob(job, message);
    }
}
