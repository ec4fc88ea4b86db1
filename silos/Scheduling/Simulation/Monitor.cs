namespace FineTuneGrid.Scheduling.Simulation;

/// <summary>Sees everything as it truly happens and keeps the first thing that must never happen.</summary>
internal sealed class Monitor(World world)
{
    private readonly int[] _steppedEpoch = new int[world.Jobs];
    private readonly TrainerRun?[] _stepping = new TrainerRun?[world.Jobs];
    private readonly int[] _published = new int[world.Jobs];

    public string? Violation { get; private set; }

    public long Steps { get; private set; }

    public long Commits { get; private set; }

    public int Published(int job) => _published[job];

    public void Fail(string what) => Violation ??= what;

    /// <summary>A committed lineage is one line: each commit is of the head's epoch and was trained from the head's checkpoint.</summary>
    public void HeadWritten(int job, HeadWrite? before, HeadWrite now)
    {
        var old = before?.Head ?? Head.None;
        var id = world.JobIds[job];
        world.Clock.Note((ulong)now.Head.Epoch << 32 | (uint)now.Head.Step);
        if (now.Fence)
        {
            if (now.Head.Epoch <= old.Epoch)
                Fail($"{id}: epoch {now.Head.Epoch} was written over epoch {old.Epoch}.");
            if (now.Head.Checkpoint != old.Checkpoint)
                Fail($"{id}: the fence of epoch {now.Head.Epoch} dropped checkpoint {old.Checkpoint}.");
            return;
        }
        Commits++;
        if (now.Head.Epoch < old.Epoch || now.Head.Epoch < _steppedEpoch[job])
            Fail($"{id}: fenced epoch {now.Head.Epoch} committed after epoch {Math.Max(old.Epoch, _steppedEpoch[job])} had begun.");
        if (now.BuiltOn != old.Checkpoint || now.FromStep != old.Step)
            Fail($"{id}: step {now.Head.Step} was trained from step {now.FromStep} but replaced step {old.Step}: samples were lost or used twice.");
        if (now.Head.Step <= old.Step || old.Done)
            Fail($"{id}: step {now.Head.Step} was committed after step {old.Step}{(old.Done ? ", the last" : "")}.");
    }

    public void JobWritten(int job, JobDoc? old, JobDoc now)
    {
        if (old is null)
            return;
        if (now.Epoch < old.Epoch)
            Fail($"{world.JobIds[job]}: epoch {now.Epoch} follows epoch {old.Epoch}.");
        if (old.Phase == SimPhase.Terminal && now != old)
            Fail($"{world.JobIds[job]}: left its end state {old.Outcome}.");
        if (now.Epoch == old.Epoch && now.Placement.Length > 0 && old.Placement.Length > 0 && now.Placement != old.Placement)
            Fail($"{world.JobIds[job]}: epoch {now.Epoch} has two placements.");
    }

    /// <summary>A step is being computed: by the newest epoch only, by one run, on slots that no other session uses.</summary>
    public void Stepped(TrainerRun run, Machine machine)
    {
        Steps++;
        var id = world.JobIds[run.Job];
        if (run.Epoch < _steppedEpoch[run.Job])
            Fail($"{id}: epoch {run.Epoch} still computes after epoch {_steppedEpoch[run.Job]} has begun.");
        if (world.JobDocs[run.Job].Value is { Slots.Count: > 0 } doc && doc.Epoch == run.Epoch && doc.Slots.Count != run.Size)
            Fail($"{id}: epoch {run.Epoch} steps with {run.Size} workers on {doc.Slots.Count} slots.");
        _steppedEpoch[run.Job] = Math.Max(_steppedEpoch[run.Job], run.Epoch);
        if (_stepping[run.Job] is { } other && other != run && other.Epoch == run.Epoch && other.State == RunState.Ready && other.Trainer.Process.Alive)
            Fail($"{id}: two trainers compute epoch {run.Epoch}.");
        _stepping[run.Job] = run;
        foreach (var trainer in machine.Trainers)
        {
            if (trainer == run.Trainer || trainer.Slot != run.Trainer.Slot || !trainer.Process.Alive)
                continue;
            if (trainer.Runs.Exists(r => r.State == RunState.Ready))
                Fail($"{machine.Id}/{trainer.Slot}: sessions {trainer.Session} and {run.Trainer.Session} compute at once.");
        }
    }

    public void PublishedVersion(int job)
    {
        if (++_published[job] > 1)
            Fail($"{world.JobIds[job]}: published {_published[job]} versions.");
        if (world.Heads[job].Value is not { Head.Done: true })
            Fail($"{world.JobIds[job]}: published before its last step was committed.");
    }

    /// <summary>No slot in two sessions, every gang whole, no organisation above its quota.</summary>
    public void PoolStepped(SchedulerState state)
    {
        var held = new HashSet<SlotRef>();
        foreach (var session in state.Sessions.Values)
            foreach (var slot in session.Slots)
                if (!held.Add(slot))
                    Fail($"{slot} is in two sessions.");
        foreach (var job in state.Jobs.Values)
            if (job.Placement is { Slots.Count: > 0 and var count } && (count < job.Request.Least || count > job.Request.Workers))
                Fail($"{job.Id} got {count} of {job.Request.Least} to {job.Request.Workers} slots.");
        foreach (var policy in world.OrgPolicies)
            if (policy.MaxSlots is { } most && state.HoldingsOf(policy.Org).Slots > most)
                Fail($"{policy.Org} holds more than its {most} slots.");
    }
}
