namespace FineTuneGrid.Scheduling;

/// <summary>
/// Frees slots for a job of strictly higher priority by stopping the sessions that lose least: work since the last
/// checkpoint, plus the time to save, plus the time to load again.
/// </summary>
internal static class Preemption
{
    private readonly record struct Victim(long CostMs, int Priority, string Session, SlotRef[] Slots);

    public static bool TryPreempt(Edit edit, JobEntry job)
    {
        if (edit.State.Reservations.TryGetValue(job.Id, out var own) && own.Hard)
            return true;
        if (Plan(edit.State, job, edit.Finder()) is not { } plan)
            return false;
        edit.Reserve(new Reservation
        {
            Job = job.Id,
            Device = job.Request.Device,
            Slots = plan.Slots,
            Since = edit.Now,
            ExpectedAt = edit.Now,
            Hard = true,
        });
        foreach (var session in plan.Sessions)
            NodeRules.StopMembers(edit, session, StopReason.Preempted, job.Id);
        return true;
    }

    /// <summary>The sessions to stop and the slots that the job then has; null where that would not be enough.</summary>
    public static (IReadOnlyList<string> Sessions, IReadOnlyList<SlotRef> Slots)? Plan(SchedulerState state, JobEntry job, SlotFinder finder)
    {
        var need = job.Request.Least;
        var victims = Candidates(state, job);
        if (victims.Count == 0)
            return null;
        var free = FreeSlots(state, job, need, finder);
        victims.Sort(static (a, b) => Compare(a, b));
        var chosen = new List<Victim>();
        var count = free.Count;
        foreach (var victim in victims)
        {
            if (count >= need)
                break;
            chosen.Add(victim);
            count += victim.Slots.Length;
        }
        if (count < need || chosen.Count == 0)
            return null;
        // A late large victim may make earlier ones needless; spare the costliest first.
        foreach (var victim in chosen.OrderByDescending(v => v.CostMs).ThenBy(v => v.Session, StringComparer.Ordinal).ToArray())
            if (count - victim.Slots.Length >= need)
            {
                chosen.Remove(victim);
                count -= victim.Slots.Length;
            }
        SlotRef[] slots = [.. free.Concat(chosen.SelectMany(v => v.Slots)).Take(need).Order()];
        return ([.. chosen.Select(v => v.Session)], slots);
    }

    /// <summary>What stopping a run now throws away, slot-milliseconds: a gang loses the time of all its slots.</summary>
    public static long CostMs(SchedulerState state, JobEntry job)
    {
        var slots = Math.Max(1, job.Placement?.Slots.Count ?? 1);
        if (job.Placement is not { State: not PlacementState.Starting } placement)
            return job.ReloadMs * slots;
        var since = Math.Max(job.CommittedAt, placement.StartedAt);
        return (Math.Max(0, state.Now - since) + job.SaveMs + job.ReloadMs) * slots;
    }

    private static List<Victim> Candidates(SchedulerState state, JobEntry job)
    {
        var all = state.Index.Victims;
        var victims = new List<Victim>();
        var start = all.IndexOf(new(job.Request.Device, int.MinValue, ""));
        for (var i = start < 0 ? ~start : start; i < all.Count; i++)
        {
            var key = all[i];
            if (key.Device != job.Request.Device || key.Priority >= job.Request.Priority)
                break;
            var session = state.Sessions[key.Session];
            SlotRef[] slots = [.. session.Slots.Where(s => Usable(state, s, job))];
            if (slots.Length == 0)
                continue;
            var cost = session.Members.Sum(m => state.Jobs.TryGetValue(m.Job, out var member) ? CostMs(state, member) : 0);
            victims.Add(new(cost, key.Priority, key.Session, slots));
        }
        return victims;
    }

    private static bool Usable(SchedulerState state, SlotRef at, JobEntry job) =>
        state.Nodes.TryGetValue(at.Node, out var node) && node.Schedulable && at.Slot < node.Slots.Count
        && SlotFinder.Suits(node, node.Slots[at.Slot], job.Request);

    private static List<SlotRef> FreeSlots(SchedulerState state, JobEntry job, int need, SlotFinder finder)
    {
        var free = new List<SlotRef>();
        foreach (var slot in state.Index.Free)
            if (free.Count < need && slot.Base.Length == 0 && Usable(state, slot.Slot, job) && finder.MayUse(job, slot.Slot))
                free.Add(slot.Slot);
        return free;
    }

    /// <summary>Least cost per slot freed first, then the lowest priority.</summary>
    private static int Compare(Victim a, Victim b)
    {
        var order = ((Int128)a.CostMs * b.Slots.Length).CompareTo((Int128)b.CostMs * a.Slots.Length);
        if (order == 0)
            order = a.Priority.CompareTo(b.Priority);
        return order != 0 ? order : string.CompareOrdinal(a.Session, b.Session);
    }
}
