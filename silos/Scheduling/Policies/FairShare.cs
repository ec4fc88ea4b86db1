namespace FineTuneGrid.Scheduling;

/// <summary>How much of the grid an organisation has: first what it holds now, then what it has had.</summary>
internal readonly record struct ShareKey(long HeldPpm, long ServedMs, string Org) : IComparable<ShareKey>
{
    public int CompareTo(ShareKey other)
    {
        var order = HeldPpm.CompareTo(other.HeldPpm);
        if (order == 0)
            order = ServedMs.CompareTo(other.ServedMs);
        return order != 0 ? order : string.CompareOrdinal(Org, other.Org);
    }
}

/// <summary>
/// Least served first. The share held is the dominant one over the device kinds (Ghodsi et al., NSDI 2011), divided by the
/// weight; past service breaks ties and decays. All in integers, so that every machine decides the same.
/// </summary>
internal static class FairShare
{
    public static ShareKey KeyOf(SchedulerState state, string org)
    {
        var weight = state.OrgPolicies.TryGetValue(org, out var policy) ? Math.Max(1, policy.Weight) : 1;
        var held = state.HoldingsOf(org);
        var cpu = held.CpuSlots * 1_000_000L / Math.Max(1, state.Index.CpuSlots);
        var cuda = held.CudaSlots * 1_000_000L / Math.Max(1, state.Index.CudaSlots);
        return new(Math.Max(cpu, cuda) / weight, ServedMs(state, org) / weight, org);
    }

    /// <summary>Adds the time that a placement has had its slots, divided among the members of the session.</summary>
    public static void Charge(Edit edit, string org, Placement placement, int members)
    {
        var had = Math.Max(0, edit.Now - placement.GrantedAt) * Math.Max(1, placement.Slots.Count) / Math.Max(1, members);
        var served = ServedMs(edit.State, org) + had;
        edit.Set(s => s with { Usage = s.Usage.SetItem(org, new(org, served, s.Now)) });
    }

    private static long ServedMs(SchedulerState state, string org)
    {
        if (!state.Usage.TryGetValue(org, out var usage))
            return 0;
        var half = Math.Max(1, state.Options.UsageHalfLifeMs);
        var elapsed = Math.Max(0, state.Now - usage.AsOf);
        var halvings = elapsed / half;
        if (halvings >= 62)
            return 0;
        var value = usage.SlotMs >> (int)halvings;
        // Between two halvings the curve is taken as straight.
        return value - (long)((Int128)value * (elapsed % half) / (2 * half));
    }
}
