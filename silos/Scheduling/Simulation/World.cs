namespace FineTuneGrid.Scheduling.Simulation;

/// <summary>One control-plane process and the activations on it.</summary>
internal sealed class Silo(World world)
{
    private JobActivation?[] _jobs = new JobActivation?[world.Jobs];

    public SimProcess Process { get; } = new();

    public PoolActivation? Pool { get; private set; }

    public JobActivation Job(int job) => _jobs[job] ??= new(world, this, job);

    public PoolActivation PoolHere() => Pool ??= new(world, this);

    public void Crash(long downFor)
    {
        if (!Process.Alive)
            return;
        Process.Kill();
        _jobs = new JobActivation?[world.Jobs];
        Pool = null;
        world.Clock.Post(null, downFor, () =>
        {
            Process.Restart();
            Loop();
        });
    }

    /// <summary>The start-up task and the tick.</summary>
    public void Loop()
    {
        if (world.PoolSilo() == this)
            PoolHere().Tick();
        world.Clock.Post(Process, 1_000, Loop);
    }
}

/// <summary>Submits jobs until they are accepted.</summary>
internal sealed class SimClient(World world)
{
    private readonly bool[] _accepted = new bool[world.Jobs];

    public bool IsAccepted(int job) => _accepted[job];

    public void Submit(int job)
    {
        if (_accepted[job])
            return;
        world.ToJob(job, new JobMessage(JobMessageKind.Submit));
        world.Clock.Post(null, 4_000, () => Submit(job));
    }

    public void Accepted(int job) => world.Net(null, null, () => _accepted[job] = true);
}

/// <summary>Everything that exists in one simulation, made from a seed.</summary>
internal sealed class World
{
    public World(ulong seed, Guards guards, Action<string>? trace)
    {
        _trace = trace;
        Random = new(seed);
        Guards = guards;
        Clock = new();
        Faults = new(Random);
        Store = new(Clock, Random, Faults);
        Jobs = 3 + Random.Below(3);
        JobIds = [.. Enumerable.Range(0, Jobs).Select(i => $"j{i}")];
        OrgPolicies = [new OrgPolicy { Org = "a", MaxSlots = Random.Below(3) == 0 ? 2 : null }];
        Requests = [.. JobIds.Select(MakeRequest)];
        TotalSteps = [.. JobIds.Select(_ => 5 + Random.Below(14))];
        CommitEvery = [.. JobIds.Select(_ => 1 + Random.Below(4))];
        var poisoned = Random.Below(6) == 0;
        Poison = [.. JobIds.Select((_, i) => poisoned && i == 0 ? 1 + Random.Below(TotalSteps[0]) : 0)];
        Options = MakeOptions(poisoned);
        JobDocs = [.. JobIds.Select(_ => new Cell<JobDoc>())];
        Heads = [.. JobIds.Select(_ => new Cell<HeadWrite>())];
        Versions = [.. JobIds.Select(_ => new Cell<Published>())];
        Monitor = new(this);
        Client = new(this);
        Durable = SchedulerState.Create(Options);
        foreach (var policy in OrgPolicies)
            Durable = Scheduler.Step(Durable, new OrgPolicyChanged(policy), 0).State;
        Journal.Offer(new PoolSnapshot(Durable, [], 0));
        Silos = [new(this), new(this)];
        foreach (var silo in Silos)
            silo.Process.Skew = Random.Between(0, 1_000);
        var machines = 2 + Random.Below(2);
        Machines = new Machine[machines];
        for (var i = 0; i < machines; i++)
            Machines[i] = new(this, $"n{i}", [.. Enumerable.Repeat(new SlotSpec(SlotDevice.Cpu, 8, 1, 3), 1 + Random.Below(2))], (int)Random.Between(-5_000, 5_000));
        foreach (var silo in Silos)
            silo.Loop();
        for (var i = 0; i < Jobs; i++)
        {
            var job = i;
            Clock.Post(null, Random.Between(0, 20_000), () => Client.Submit(job));
        }
    }

    public SimRandom Random { get; }

    public Guards Guards { get; }

    public SimClock Clock { get; }

    public SimFaults Faults { get; }

    public ModelStore Store { get; }

    public Journal Journal { get; } = new();

    public Monitor Monitor { get; }

    public SimClient Client { get; }

    public SchedulerOptions Options { get; }

    public int Jobs { get; }

    public string[] JobIds { get; }

    public JobRequest[] Requests { get; }

    public OrgPolicy[] OrgPolicies { get; }

    public int[] TotalSteps { get; }

    public int[] CommitEvery { get; }

    /// <summary>The step at which a job always crashes its trainer; 0 for none.</summary>
    public int[] Poison { get; }

    public Cell<JobDoc>[] JobDocs { get; }

    public Cell<HeadWrite>[] Heads { get; }

    public Cell<Published>[] Versions { get; }

    public Silo[] Silos { get; }

    public Machine[] Machines { get; }

    /// <summary>The scheduler's state after the last segment that was written.</summary>
    public SchedulerState Durable { get; set; }

    private readonly Action<string>? _trace;
    private long _checkpoints;

    public long NewCheckpoint() => ++_checkpoints;

    /// <summary>A line for whoever reads how a seed came to its end; made only if somebody does.</summary>
    public void Trace(Func<string> line) => _trace?.Invoke($"{Clock.Now,7} {line()}");

    public bool Tracing => _trace is not null;

    public int JobIndex(string id) => int.Parse(id.AsSpan(1));

    public Machine? MachineOf(string node) => int.Parse(node.AsSpan(1)) is var i && i < Machines.Length ? Machines[i] : null;

    /// <summary>Where the directory says that the pool is: the first silo that answers.</summary>
    public Silo PoolSilo() => Answers(Silos[0]) || !Silos[1].Process.Alive ? Silos[0] : Silos[1];

    public void ToJob(int job, JobMessage message)
    {
        var home = Silos[job % 2];
        var silo = Answers(home) ? home : Silos[1 - job % 2];
        if (Faults.WrongSilo())
            silo = Silos[Random.Below(2)];
        Net(silo.Process, null, () => silo.Job(job).Receive(message));
    }

    public void ToPool(Silo from, PoolMessage message)
    {
        var silo = Faults.WrongSilo() ? Silos[Random.Below(2)] : PoolSilo();
        Net(silo.Process, null, () => silo.PoolHere().Receive(message));
    }

    /// <summary>A node's message; the lease that it asks for counts from when the pool gets it.</summary>
    public void ToPool(Machine from, SchedulerEvent e, Action<bool> done)
    {
        var silo = Faults.WrongSilo() ? Silos[Random.Below(2)] : PoolSilo();
        Net(silo.Process, from, () => silo.PoolHere().Receive(new PoolMessage(Leased(e, Clock.Now + silo.Process.Skew + Machine.LeaseMs))
        {
            Done = current => Net(from.Agent, from, () => done(current)),
        }));
    }

    /// <summary>Delivers a message, or loses it, or delivers it late or twice.</summary>
    public void Net(SimProcess? to, Machine? machine, Action act)
    {
        if (machine is not null && machine.CutOffUntil > Clock.Now)
            return;
        if (Faults.Lost() || to is { Alive: false })
            return;
        Clock.Post(to, Faults.MessageDelay(), act);
        if (Faults.Twice())
            Clock.Post(to, Faults.MessageDelay(), act);
    }

    private static SchedulerEvent Leased(SchedulerEvent e, long until) => e switch
    {
        NodeLeaseRenewed renewed => renewed with { LeaseUntil = until },
        NodeRegistered registered => registered with { LeaseUntil = until },
        _ => e,
    };

    private bool Answers(Silo silo) => silo.Process.Alive && silo.Process.PausedUntil - Clock.Now < 5_000;

    /// <summary>Two jobs in eight are a gang of two that waits for both slots; the same number take up to two or three, and make do with one.</summary>
    private JobRequest MakeRequest(string id)
    {
        var kind = Random.Below(8);
        return new()
        {
            Id = id,
            Org = Random.Below(2) == 0 ? "a" : "b",
            Priority = Random.Below(5) == 0 ? 1 : 0,
            Workers = kind switch { 0 or 1 or 2 => 2, 3 => 3, _ => 1 },
            MinWorkers = kind is 2 or 3 ? 1 : 0,
            BaseMemoryBytes = 2,
            JobMemoryBytes = 2,
            BaseDigest = "base",
            SessionKey = Random.Below(2) == 0 ? "k" : "",
            WorkMs = 10_000,
        };
    }

    private static SchedulerOptions MakeOptions(bool poisoned) => new()
    {
        LeaseGraceMs = 4_000,
        AdoptionGraceMs = 15_000,
        ResendMs = 4_000,
        StartTimeoutMs = 40_000,
        BackoffBaseMs = 500,
        BackoffMaxMs = 8_000,
        QuarantineMs = 10_000,
        BackfillPatienceMs = 20_000,
        NodeLossBudget = 100_000,
        CrashBudget = poisoned ? 4 : 100_000,
    };
}
