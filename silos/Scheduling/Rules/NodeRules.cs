namespace FineTuneGrid.Scheduling;

/// <summary>Nodes coming, renewing, draining and leaving.</summary>
internal static class NodeRules
{
    public static void Register(Edit edit, NodeRegistered e)
    {
        var old = edit.Node(e.Node);
        if (old is not null && e.Incarnation < old.Incarnation)
            return;
        var node = (old ?? new NodeEntry { Id = e.Node }) with
        {
            Incarnation = e.Incarnation,
            LeaseUntil = Math.Max(e.LeaseUntil, old?.LeaseUntil ?? 0),
            Lost = false,
            Labels = e.Labels,
            Slots = MergeSlots(edit, e, old),
        };
        edit.Put(node);
        edit.PassNeeded = true;
        edit.SlotsChanged = true;
        if (e.LiveSessions is { } live)
            LoseSessionsNotIn(edit, node, live);
    }

    public static void Renew(Edit edit, NodeLeaseRenewed e)
    {
        if (edit.Node(e.Node) is not { } node || e.Incarnation != node.Incarnation || e.LeaseUntil < node.LeaseUntil)
            return;
        // A lost node comes back here: its sessions were told to stop and keep their slots until they have.
        var changed = node with { LeaseUntil = e.LeaseUntil, Lost = false };
        if (e.Resident is { } resident && HoldOthers(node.Slots, resident))
            changed = changed with { Slots = [.. node.Slots.Select((s, i) => i < resident.Count ? s with { Resident = resident[i] } : s)] };
        edit.Put(changed);
        if (!node.Lost)
            return;
        edit.PassNeeded = true;
        edit.SlotsChanged = true;
    }

    /// <summary>Hardly ever: then a renewal leaves the slots, and all orders of them, as they are.</summary>
    private static bool HoldOthers(IReadOnlyList<SlotEntry> slots, IReadOnlyList<IReadOnlyList<string>> resident)
    {
        for (var i = 0; i < slots.Count && i < resident.Count; i++)
            if (!slots[i].Resident.SequenceEqual(resident[i]))
                return true;
        return false;
    }

    public static void Drain(Edit edit, NodeDrain e)
    {
        if (edit.Node(e.Node) is not { } node)
            return;
        edit.Put(node with { Draining = true });
        edit.SlotsChanged = true;
        edit.PassNeeded = true;
        if (!e.Evict)
            return;
        foreach (var session in SessionsOn(edit.State, node))
            StopMembers(edit, session, StopReason.Drained);
    }

    public static void Undrain(Edit edit, NodeUndrain e)
    {
        if (edit.Node(e.Node) is not { } node)
            return;
        edit.Put(node with { Draining = false, QuarantinedUntil = 0, Strikes = [] });
        edit.SlotsChanged = true;
        edit.PassNeeded = true;
    }

    public static void Remove(Edit edit, NodeRemoved e)
    {
        if (edit.Node(e.Node) is not { } node || node.Slots.Any(s => s.Session is not null))
            return;
        edit.Forget(node);
        edit.SlotsChanged = true;
        edit.PassNeeded = true;
    }

    /// <summary>The lease has run out: what ran there is told to stop, wherever else it still runs.</summary>
    public static void Lose(Edit edit, NodeEntry node)
    {
        edit.Put(node with { Lost = true, Slots = [.. node.Slots.Select(s => s with { Resident = [] })] });
        edit.SlotsChanged = true;
        edit.PassNeeded = true;
        foreach (var session in SessionsOn(edit.State, node))
            StopMembers(edit, session, StopReason.NodeLost);
    }

    /// <summary>Adds a crash to a node's record and quarantines it when several jobs crash there.</summary>
    public static void Strike(Edit edit, string nodeId, string job)
    {
        if (edit.Node(nodeId) is not { } node)
            return;
        var since = edit.Now - edit.Options.StrikeWindowMs;
        NodeStrike[] strikes = [.. node.Strikes.Where(s => s.At > since), new(job, edit.Now)];
        // One job that crashes everywhere says nothing about the node.
        var bad = strikes.Length >= edit.Options.StrikesToQuarantine && strikes.Select(s => s.Job).Distinct().Count() > 1;
        if (!bad)
        {
            edit.Put(node with { Strikes = strikes });
            return;
        }
        var until = edit.Now + (edit.Options.QuarantineMs << Math.Min(node.Quarantines, 4));
        edit.Put(node with { Strikes = [], QuarantinedUntil = until, Quarantines = node.Quarantines + 1 });
        edit.SlotsChanged = true;
        edit.Emit(new QuarantineCommand(nodeId, until, $"{strikes.Length} trainer crashes of several jobs on this node"));
    }

    /// <summary>Sessions with a slot on the node; one that has not registered since a rebuild is known by its sessions only.</summary>
    public static IReadOnlyList<string> SessionsOn(SchedulerState state, NodeEntry node) => node.Slots.Count > 0
        ? [.. node.Slots.Select(s => s.Session).OfType<string>().Distinct()]
        : [.. state.Sessions.Values.Where(x => x.Slots.Any(s => s.Node == node.Id)).Select(x => x.Id)];

    public static void StopMembers(Edit edit, string sessionId, StopReason reason, string? forJob = null)
    {
        if (edit.State.Sessions.GetValueOrDefault(sessionId) is not { } session)
            return;
        foreach (var member in session.Members)
            if (edit.Job(member.Job) is { Placement: not null } job)
                JobRules.Stop(edit, job, reason, forJob);
    }

    private static SlotEntry[] MergeSlots(Edit edit, NodeRegistered e, NodeEntry? old)
    {
        var count = Math.Max(e.Slots.Count, old is null ? 0 : LastHeld(old) + 1);
        var slots = new SlotEntry[count];
        for (var i = 0; i < count; i++)
        {
            var before = old is not null && i < old.Slots.Count ? old.Slots[i] : null;
            // A slot that the agent no longer offers stays, without memory, until its session has ended.
            var spec = i < e.Slots.Count ? e.Slots[i] : before!.Spec with { MemoryBytes = 0, MaxJobs = 0 };
            var fresh = old is null || e.Incarnation != old.Incarnation;
            slots[i] = new(spec)
            {
                Session = before?.Session ?? (old is { Slots.Count: 0 } ? HolderOf(edit, new(e.Node, i)) : null),
                Resident = fresh ? [] : before?.Resident ?? [],
            };
        }
        return slots;
    }

    private static int LastHeld(NodeEntry node)
    {
        for (var i = node.Slots.Count - 1; i >= 0; i--)
            if (node.Slots[i].Session is not null)
                return i;
        return -1;
    }

    /// <summary>After a rebuild, jobs may name slots before their node has registered.</summary>
    private static string? HolderOf(Edit edit, SlotRef slot)
    {
        foreach (var session in edit.State.Sessions.Values)
            if (session.Slots.Contains(slot))
                return session.Id;
        return null;
    }

    private static void LoseSessionsNotIn(Edit edit, NodeEntry node, IReadOnlyList<string> live)
    {
        foreach (var id in SessionsOn(edit.State, node))
        {
            // One whose members still start may simply not be there yet.
            var started = edit.State.Sessions[id].Members.Any(m => edit.Job(m.Job)?.Placement is { State: not PlacementState.Starting });
            if (started && !live.Contains(id))
                StopMembers(edit, id, StopReason.NodeLost);
        }
    }
}
