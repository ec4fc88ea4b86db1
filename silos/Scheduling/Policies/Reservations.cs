namespace FineTuneGrid.Scheduling;

/// <summary>
/// Keeps a job that needs many slots from starving behind small ones (EASY backfill: one soft reservation per device kind,
/// held by the first job in order that cannot start; others may use its slots if they end before it expects to start, and
/// not at all once its patience is over). Preemption makes hard ones.
/// </summary>
internal static class Reservations
{
    /// <summary>Assumed time for a run that was told to stop.</summary>
    private const long StoppingMs = 30_000;

    /// <summary>Drops what no longer holds and, where slots came or went, chooses anew.</summary>
    public static void Revalidate(Edit edit)
    {
        foreach (var kept in edit.State.Reservations.Values)
        {
            var job = edit.Job(kept.Job);
            if (job is not { Ready: true })
                edit.Unreserve(kept.Job);
            else if (kept.Hard && !kept.Slots.All(s => StillComing(edit, s)))
                edit.Unreserve(kept.Job);
            else if (!kept.Hard && edit.SlotsChanged)
                Choose(edit, job, kept.Since);
        }
    }

    /// <summary>Reserves for the first job that cannot start, unless one of at least its priority already waits on that device.</summary>
    public static void TryReserve(Edit edit, JobEntry job)
    {
        foreach (var kept in edit.State.Reservations.Values)
        {
            if (kept.Job == job.Id)
                return;
            if (kept.Device != job.Request.Device || kept.Hard)
                continue;
            if (edit.Job(kept.Job) is { } holder && holder.Request.Priority >= job.Request.Priority)
                return;
            edit.Unreserve(kept.Job);
        }
        Choose(edit, job, edit.Now);
    }

    /// <summary>When a slot is expected to be free; null where the job can never have it.</summary>
    public static long? FreeAt(SchedulerState state, NodeEntry node, SlotEntry slot, JobRequest request)
    {
        if (!node.Schedulable || !SlotFinder.Suits(node, slot, request))
            return null;
        if (slot.Session is null || !state.Sessions.TryGetValue(slot.Session, out var session))
            return state.Now;
        var end = 0L;
        foreach (var member in session.Members)
        {
            var left = StoppingMs;
            if (!member.Stopping && state.Jobs.TryGetValue(member.Job, out var job))
                left = job.WorkLeftMs > 0 ? job.WorkLeftMs : state.Options.DefaultWorkMs;
            end = Math.Max(end, left);
        }
        return state.Now + end;
    }

    private static void Choose(Edit edit, JobEntry job, long since)
    {
        var slots = new List<(long At, SlotRef Slot)>();
        var taken = edit.State.Reservations.Values.Where(r => r.Hard && r.Job != job.Id).SelectMany(r => r.Slots).ToHashSet();
        foreach (var node in edit.State.Nodes.Values)
            for (var i = 0; i < node.Slots.Count; i++)
                if (FreeAt(edit.State, node, node.Slots[i], job.Request) is { } at && !taken.Contains(new(node.Id, i)))
                    slots.Add((at, new(node.Id, i)));
        if (slots.Count < job.Request.Least)
        {
            edit.Unreserve(job.Id);
            return;
        }
        slots.Sort();
        var chosen = slots.GetRange(0, job.Request.Least);
        edit.Reserve(new Reservation
        {
            Job = job.Id,
            Device = job.Request.Device,
            Slots = [.. chosen.Select(c => c.Slot)],
            Since = since,
            ExpectedAt = chosen[^1].At,
        });
    }

    private static bool StillComing(Edit edit, SlotRef at)
    {
        if (edit.Node(at.Node) is not { Schedulable: true } || edit.Slot(at) is not { } slot)
            return false;
        return slot.Session is null
            || (edit.State.Sessions.TryGetValue(slot.Session, out var session) && session.Members.All(m => m.Stopping));
    }
}
