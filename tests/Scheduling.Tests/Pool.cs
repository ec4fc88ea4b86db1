namespace FineTuneGrid.Scheduling.Tests;

/// <summary>A scheduler with a hand-driven clock and a memory of its commands.</summary>
internal sealed class Pool
{
    public const long Gib = 1L << 30;

    public Pool(SchedulerOptions? options = null) => State = SchedulerState.Create(options);

    public SchedulerState State { get; private set; }

    public long Now { get; set; } = 1_000_000;

    public List<SchedulerCommand> Last { get; private set; } = [];

    public List<SchedulerCommand> All { get; } = [];

    public List<SchedulerCommand> Do(SchedulerEvent e)
    {
        // Through JSON each time: what does not survive the journal must not decide anything.
        var json = System.Text.Json.JsonSerializer.Serialize(e, SchedulerJson.Options);
        var copy = System.Text.Json.JsonSerializer.Deserialize<SchedulerEvent>(json, SchedulerJson.Options)!;
        var result = Scheduler.Step(State, copy, Now);
        State = result.State;
        Last = [.. result.Commands];
        All.AddRange(Last);
        return Last;
    }

    public Pool Node(string id, int slots = 1, SlotDevice device = SlotDevice.Cpu, long memory = 16 * Gib, int maxJobs = 8, string? label = null)
    {
        var labels = label is null ? new Dictionary<string, string>() : new() { ["kind"] = label };
        Do(new NodeRegistered(id, 1, Now + 3_600_000_000, [.. Enumerable.Repeat(new SlotSpec(device, memory, 2, maxJobs), slots)]) { Labels = labels });
        return this;
    }

    public static JobRequest Request(string id, string org = "a", int priority = 0, int workers = 1, long work = 60_000, string key = "", string digest = "",
        SlotDevice device = SlotDevice.Cpu, long memory = Gib) => new()
    {
        Id = id,
        Org = org,
        Priority = priority,
        Workers = workers,
        Device = device,
        BaseMemoryBytes = Gib,
        JobMemoryBytes = memory,
        BaseDigest = digest,
        SessionKey = key,
        WorkMs = work,
    };

    public Pool Queue(string id, string org = "a", int priority = 0, int workers = 1, long work = 60_000, string key = "", string digest = "")
    {
        Do(new JobQueued(Request(id, org, priority, workers, work, key, digest)));
        return this;
    }

    public JobEntry Job(string id) => State.Jobs[id];

    public bool Placed(string id) => State.Jobs.TryGetValue(id, out var job) && job.Placement is { State: not PlacementState.Stopping };

    public string Placement(string id) => Job(id).Placement!.Id;

    public string[] Slots(string id) => [.. Job(id).Placement!.Slots.Select(s => s.ToString())];

    public Pool Start(string id)
    {
        Do(new JobStarted(id, Placement(id), Job(id).Placement!.Epoch + 1));
        return this;
    }

    public List<SchedulerCommand> Release(string id, ReleaseReason reason, FailureKind kind = FailureKind.None) =>
        Do(new JobReleased(id, Placement(id), reason) { Kind = kind });

    public List<SchedulerCommand> Crash(string id) => Release(id, ReleaseReason.Failed, FailureKind.TrainerCrash);

    public List<SchedulerCommand> Pass(long ms)
    {
        Now += ms;
        return Do(new Tick());
    }

    public string[] Running => [.. State.Jobs.Values.Where(j => Placed(j.Id)).Select(j => j.Id)];
}
