namespace FineTuneGrid.Scheduling;

/// <summary>The part of an explanation that is about slots: none that could ever do, or none free at this time.</summary>
internal static class CapacityExplainer
{
    /// <summary>No set of slots that the grid has now could ever take the job.</summary>
    public static WaitReason? Impossible(SchedulerState state, JobEntry job)
    {
        var r = job.Request;
        var device = r.Device == SlotDevice.Cuda ? "cuda" : "cpu";
        var slots = state.Nodes.Values.SelectMany(n => n.Slots.Select(s => (Node: n, Slot: s))).ToArray();
        var onDevice = slots.Where(s => s.Slot.Spec.Device == r.Device).ToArray();
        if (onDevice.Length == 0)
            return new(WaitCodes.NoDevice, $"No node has device {device}.", $"It would start now if a node with {Slots(r.Least)} of {device} registered.");
        var need = SlotFinder.Need(r);
        var large = onDevice.Where(s => s.Slot.Spec.MemoryBytes >= need).ToArray();
        if (large.Length == 0)
            return new(WaitCodes.NoMemory, $"It needs {Bytes(need)} per slot; the largest {device} slot has {Bytes(onDevice.Max(s => s.Slot.Spec.MemoryBytes))}.",
                $"It would start if it needed {Bytes(onDevice.Max(s => s.Slot.Spec.MemoryBytes))} or less, by a smaller micro-batch or 4-bit base weights.");
        var labelled = large.Where(s => s.Node.Matches(r.Labels)).ToArray();
        if (labelled.Length == 0)
            return new(WaitCodes.NoLabels, $"No node with room for it carries {string.Join(", ", r.Labels.Select(l => $"{l.Key}={l.Value}"))}.",
                "It would be considered on every node without these labels.");
        if (labelled.Length < r.Least)
            return new(WaitCodes.TooFewSlots, $"It needs {Needs(r)} at once; the grid has {labelled.Length} that suit it.",
                $"It would start if it asked for {labelled.Length} {(labelled.Length == 1 ? "worker" : "workers")}.") { Needed = r.Least, Free = labelled.Length };
        var able = labelled.Count(s => s.Node.Schedulable);
        return able >= r.Least ? null : Unavailable(r, labelled.Select(s => s.Node), able);
    }

    /// <summary>The slots exist, but not free enough of them, or not for this job.</summary>
    public static IEnumerable<WaitReason> Busy(SchedulerState state, JobEntry job)
    {
        var finder = new SlotFinder(state);
        var r = job.Request;
        var free = new List<SlotRef>();
        foreach (var slot in state.Index.Free)
            if (slot.Base.Length == 0 && SlotFinder.Suits(state.Nodes[slot.Slot.Node], state.Nodes[slot.Slot.Node].Slots[slot.Slot.Slot], r))
                free.Add(slot.Slot);
        var usable = free.Count(s => finder.MayUse(job, s));
        if (state.Reservations.TryGetValue(job.Id, out var own) && own.Hard)
        {
            yield return new(WaitCodes.WaitingForPreempted, "Jobs of lower priority are saving their work to make room for it.")
            { Needed = r.Least, Free = usable, Until = own.ExpectedAt };
            yield break;
        }
        if (usable >= r.Least)
            yield break;
        if (free.Count >= r.Least)
        {
            string[] holders = [.. free.Where(s => !finder.MayUse(job, s)).Select(finder.ReservedFor).OfType<string>().Distinct().Take(10)];
            yield return new(WaitCodes.ReservedForOther, $"{free.Count} slots are free, but they are kept for {string.Join(", ", holders)}, which has waited longer.",
                "It would start now if it ended before they are needed, or had a higher priority.") { Needed = r.Least, Free = usable, Blockers = holders };
            yield break;
        }
        yield return Waiting(state, job, usable);
    }

    private static WaitReason Waiting(SchedulerState state, JobEntry job, int free)
    {
        var r = job.Request;
        var ends = new List<long>();
        var holders = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var node in state.Nodes.Values)
            foreach (var slot in node.Slots)
            {
                if (Reservations.FreeAt(state, node, slot, r) is not { } at)
                    continue;
                ends.Add(at);
                if (slot.Session is { } id && state.Sessions.TryGetValue(id, out var session))
                    holders.UnionWith(session.Members.Select(m => m.Job));
            }
        ends.Sort();
        long? until = ends.Count >= r.Least ? ends[r.Least - 1] : null;
        var eta = until > state.Now ? $"; expected in about {Explainer.Seconds(until.Value - state.Now)}" : "";
        return new(WaitCodes.WaitingForSlots, $"It needs {Needs(r)} and {free} {(free == 1 ? "is" : "are")} free{eta}.", WouldStart(state, job, free))
        { Needed = r.Least, Free = free, Until = until, Blockers = [.. holders.Take(10)] };
    }

    private static string WouldStart(SchedulerState state, JobEntry job, int free)
    {
        var r = job.Request;
        var more = $"{Slots(r.Least - free)} more {(r.Least - free == 1 ? "was" : "were")} free";
        if (free > 0)
            return $"It would start now if {more}, or with {free} {(free == 1 ? "worker" : "workers")}.";
        foreach (var priority in state.Index.Victims.Where(v => v.Device == r.Device && v.Priority >= r.Priority && v.Priority < int.MaxValue).Select(v => v.Priority + 1).Distinct())
            if (Preemption.Plan(state, job with { Request = r with { Priority = priority } }, new(state)) is { } plan)
                return $"It would start now if {more}, or with priority {priority} by stopping {plan.Sessions.Count} running {(plan.Sessions.Count == 1 ? "session" : "sessions")}.";
        return $"It would start now if {more}.";
    }

    private static WaitReason Unavailable(JobRequest r, IEnumerable<NodeEntry> nodes, int able)
    {
        NodeEntry[] away = [.. nodes.Where(n => !n.Schedulable).DistinctBy(n => n.Id)];
        var why = string.Join(", ", away.Take(10).Select(n => $"{n.Id} ({(n.Lost ? "lost" : n.Draining ? "draining" : "quarantined")})"));
        var act = away.Any(n => n is { Lost: false, Draining: true }) ? "the drained nodes were put back"
            : away.Any(n => !n.Lost) ? "the quarantine were lifted" : "the lost nodes came back";
        var until = away.Where(n => n is { Lost: false, Draining: false }).Select(n => (long?)n.QuarantinedUntil).Min();
        return new(WaitCodes.NodesUnavailable, $"Nodes that suit it take no jobs: {why}.", $"It would be considered now if {act}.")
        { Needed = r.Least, Free = able, Until = until, Blockers = [.. away.Take(10).Select(n => n.Id)] };
    }

    private static string Needs(JobRequest r) => r.Least < r.Workers ? $"at least {Slots(r.Least)}" : Slots(r.Least);

    private static string Slots(int count) => count == 1 ? "1 slot" : $"{count} slots";

    private static string Bytes(long bytes) => bytes switch
    {
        >= 1L << 30 => $"{bytes / (double)(1L << 30):0.#} GiB",
        >= 1L << 20 => $"{bytes / (double)(1L << 20):0.#} MiB",
        _ => $"{bytes} bytes",
    };
}
