namespace FineTuneGrid.Scheduling.Tests;

/// <summary>What must hold in every state, whatever happened.</summary>
internal static class StateChecks
{
    public static void Check(SchedulerState state)
    {
        var held = new Dictionary<SlotRef, string>();
        foreach (var session in state.Sessions.Values)
        {
            Assert.NotEmpty(session.Members);
            Assert.Equal(session.Slots.Count, session.Slots.Distinct().Count());
            foreach (var slot in session.Slots)
                Assert.True(held.TryAdd(slot, session.Id), $"{slot} is held by {session.Id} and {held.GetValueOrDefault(slot)}.");
            foreach (var member in session.Members)
                Assert.Equal(session.Id, state.Jobs[member.Job].Placement!.Session);
        }
        foreach (var node in state.Nodes.Values)
            for (var i = 0; i < node.Slots.Count; i++)
                Assert.Equal(held.GetValueOrDefault(new(node.Id, i)), node.Slots[i].Session);
        foreach (var job in state.Jobs.Values)
        {
            Assert.Equal(job.Phase == JobPhase.Placed, job.Placement is not null);
            if (job.Placement is not { } placement)
                continue;
            Assert.Contains(state.Sessions[placement.Session].Members, m => m.Job == job.Id);
            Assert.Equal(state.Sessions[placement.Session].Slots, placement.Slots);
            if (placement.Slots.Count > 0)
                Assert.InRange(placement.Slots.Count, job.Request.Least, job.Request.Workers);
        }
    }

    /// <summary>The indexes that were kept up step by step are those that the entries give.</summary>
    public static void CheckIndexes(SchedulerState state)
    {
        var fresh = SchedulerState.FromJson(state.ToJson());
        Assert.Equal(fresh.Index.Free, state.Index.Free);
        Assert.Equal(fresh.Index.Victims, state.Index.Victims);
        Assert.Equal(fresh.Index.Waiting.Select(g => (g.Key, string.Join(',', g.Value))), state.Index.Waiting.Select(g => (g.Key, string.Join(',', g.Value))));
        Assert.Equal(fresh.Index.Holdings, state.Index.Holdings);
        Assert.Equal(fresh.Index.Joinable.Select(g => (g.Key, string.Join(',', g.Value))), state.Index.Joinable.Select(g => (g.Key, string.Join(',', g.Value))));
        Assert.Equal(fresh.Index.Leases.Concat(fresh.Index.Backoffs).Concat(fresh.Index.Resends), state.Index.Leases.Concat(state.Index.Backoffs).Concat(state.Index.Resends));
        Assert.Equal((fresh.Index.CpuSlots, fresh.Index.CudaSlots), (state.Index.CpuSlots, state.Index.CudaSlots));
    }

    /// <summary>Each new grant is whole, on slots that suit it, within capacity, memory and quota.</summary>
    public static void CheckGrants(SchedulerState before, SchedulerState after, IReadOnlyList<SchedulerCommand> commands)
    {
        foreach (var grant in commands.OfType<GrantCommand>())
        {
            if (before.Jobs.TryGetValue(grant.Job, out var old) && old.Placement?.Id == grant.Placement)
                continue;
            var request = after.Jobs[grant.Job].Request;
            var session = after.Sessions[grant.Session];
            Assert.InRange(grant.Slots.Count, request.Least, request.Workers);
            foreach (var at in grant.Slots)
            {
                var node = after.Nodes[at.Node];
                var spec = node.Slots[at.Slot].Spec;
                Assert.True(node.Schedulable);
                Assert.Equal(request.Device, spec.Device);
                Assert.True(session.MemoryBytes <= spec.MemoryBytes, "over memory");
                Assert.True(session.Members.Count <= spec.MaxJobs, "over capacity");
            }
            if (after.OrgPolicies.TryGetValue(request.Org, out var policy) && policy.MaxSlots is { } slots)
                Assert.True(after.HoldingsOf(request.Org).Slots <= slots, $"{request.Org} is over its quota");
        }
    }
}
