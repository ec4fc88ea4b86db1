namespace FineTuneGrid.Scheduling;

/// <summary>
/// Starts what can start: by priority, then the least served organisation, then shortest remaining work with aging.
/// A gang gets its slots in one decision: all, or what is free down to the fewest that it makes do with, or none.
/// </summary>
internal sealed class PlacementPass
{
    /// <summary>Jobs of a group looked at for one that is short enough to slip in before a reservation.</summary>
    private const int BackfillLook = 32;

    private readonly Edit _edit;

    // Within a pass slots and victims only become fewer, so what failed once fails again.
    private readonly HashSet<Shape> _noSlots = [];
    private readonly HashSet<(Shape, int Priority)> _noVictims = [];

    private PlacementPass(Edit edit) => _edit = edit;

    private readonly record struct Shape(SlotDevice Device, int Least, long Need, string Labels)
    {
        public static Shape Of(JobRequest r) => new(r.Device, r.Least, SlotFinder.Need(r), SchedulerIndex.LabelsOf(r));
    }

    public static void Run(Edit edit)
    {
        Reservations.Revalidate(edit);
        new PlacementPass(edit).Run();
    }

    private void Run()
    {
        if (NothingToGive())
            return;
        foreach (var job in Holders())
            if (_edit.Job(job) is { Ready: true } holder)
                TryStart(holder);
        var level = new List<GroupKey>();
        foreach (var group in _edit.Index.Waiting.Keys)
        {
            if (level.Count > 0 && level[0].Priority != group.Priority)
            {
                RunLevel(level);
                level.Clear();
                if (NothingToGive())
                    return;
            }
            level.Add(group);
        }
        RunLevel(level);
    }

    private bool NothingToGive()
    {
        var index = _edit.Index;
        if (index.Waiting.IsEmpty)
            return true;
        if (!index.Free.IsEmpty || !index.Joinable.IsEmpty)
            return false;
        var highest = index.Waiting.Keys.First().Priority;
        return !index.HasVictims(SlotDevice.Cpu, highest) && !index.HasVictims(SlotDevice.Cuda, highest);
    }

    private string[] Holders() =>
        [.. _edit.State.Reservations.Values.OrderByDescending(r => _edit.Job(r.Job)?.Request.Priority ?? 0)
            .ThenByDescending(r => r.Hard).ThenBy(r => r.Since).ThenBy(r => r.Job, StringComparer.Ordinal).Select(r => r.Job)];

    private void RunLevel(List<GroupKey> groups)
    {
        var orgs = new SortedDictionary<string, PriorityQueue<GroupKey, WaitKey>>(StringComparer.Ordinal);
        foreach (var group in groups)
        {
            if (!_edit.Index.Waiting.TryGetValue(group, out var jobs))
                continue;
            if (!orgs.TryGetValue(group.Org, out var queue))
                orgs[group.Org] = queue = new();
            queue.Enqueue(group, jobs[0]);
        }
        var shares = orgs.Keys.ToDictionary(o => o, o => FairShare.KeyOf(_edit.State, o));
        while (orgs.Count > 0)
        {
            var org = orgs.Keys.MinBy(o => shares[o])!;
            var queue = orgs[org];
            var group = queue.Dequeue();
            if (TryGroup(group))
            {
                if (NothingToGive())
                    return;
                shares[org] = FairShare.KeyOf(_edit.State, org);
                if (_edit.Index.Waiting.TryGetValue(group, out var rest))
                    queue.Enqueue(group, rest[0]);
            }
            if (queue.Count == 0)
                orgs.Remove(org);
        }
    }

    /// <summary>Starts one job of the group; false where none of it can start now.</summary>
    private bool TryGroup(GroupKey group)
    {
        if (!_edit.Index.Waiting.TryGetValue(group, out var jobs))
            return false;
        var first = _edit.Job(jobs[0].Job)!;
        var kind = TryStart(first);
        if (kind == FitKind.Fits)
            return true;
        if (kind is FitKind.Quota or FitKind.Held)
            return false;
        if (!TryPreempt(first))
            Reservations.TryReserve(_edit, first);
        if (kind != FitKind.Reserved)
            return false;
        for (var i = 1; i < Math.Min(jobs.Count, BackfillLook); i++)
            if (TryStart(_edit.Job(jobs[i].Job)!) == FitKind.Fits)
                return true;
        return false;
    }

    private bool TryPreempt(JobEntry job)
    {
        var key = (Shape.Of(job.Request), job.Request.Priority);
        if (!_edit.Index.HasVictims(job.Request.Device, job.Request.Priority) || _noVictims.Contains(key))
            return _edit.State.Reservations.TryGetValue(job.Id, out var own) && own.Hard;
        if (Preemption.TryPreempt(_edit, job))
            return true;
        _noVictims.Add(key);
        return false;
    }

    private FitKind TryStart(JobEntry job)
    {
        var shape = Shape.Of(job.Request);
        var fit = _edit.Finder().Find(job, _noSlots.Contains(shape));
        if (fit.Kind == FitKind.Fits)
            Start(job, fit);
        else if (fit.Kind == FitKind.NoSlots)
            _noSlots.Add(shape);
        return fit.Kind;
    }

    private void Start(JobEntry job, Fit fit)
    {
        var slots = fit.Slots!;
        var isNew = fit.Session is null;
        var session = isNew ? NewSession(job, slots) : _edit.State.Sessions[fit.Session!];
        _edit.Put(session with { Members = [.. session.Members, SlotFinder.MemberOf(job)] });
        if (isNew)
            _edit.SetSlots(slots, session.Id, null);
        var placement = new Placement
        {
            Id = _edit.NewId("p"),
            Session = session.Id,
            Slots = slots,
            State = PlacementState.Starting,
            GrantedAt = _edit.Now,
        };
        _edit.Unreserve(job.Id);
        _edit.Put(job with { Phase = JobPhase.Placed, Placement = placement, ResendAt = _edit.Now + Math.Max(1, _edit.Options.ResendMs) });
        _edit.Emit(SlotFinder.GrantOf(job, placement));
    }

    private Session NewSession(JobEntry job, IReadOnlyList<SlotRef> slots) => new()
    {
        Id = _edit.NewId("s"),
        Key = SlotFinder.EffectiveKey(_edit.State, job),
        Device = job.Request.Device,
        BaseDigest = job.Request.BaseDigest,
        BaseMemoryBytes = job.Request.BaseMemoryBytes,
        Capacity = slots.Min(s => _edit.Slot(s)!.Spec.MaxJobs),
        Slots = slots,
    };
}
