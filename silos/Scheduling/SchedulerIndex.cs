using System.Collections.Immutable;

namespace FineTuneGrid.Scheduling;

/// <summary>Waiting jobs that are alike to every placement rule: where the first cannot be placed, none can.</summary>
internal readonly record struct GroupKey(int Priority, string Org, string Class) : IComparable<GroupKey>
{
    public int CompareTo(GroupKey other)
    {
        var byPriority = other.Priority.CompareTo(Priority);
        if (byPriority != 0)
            return byPriority;
        var byOrg = string.CompareOrdinal(Org, other.Org);
        return byOrg != 0 ? byOrg : string.CompareOrdinal(Class, other.Class);
    }
}

/// <summary>The order within a group: shortest remaining work, less what waiting has earned, then submission.</summary>
internal readonly record struct WaitKey(long Rank, long Sequence, string Job) : IComparable<WaitKey>
{
    public int CompareTo(WaitKey other)
    {
        var byRank = Rank.CompareTo(other.Rank);
        return byRank != 0 ? byRank : Sequence.CompareTo(other.Sequence);
    }
}

/// <summary>A free slot; <see cref="Base"/> is empty in the list of all, else a base that is loaded there.</summary>
internal readonly record struct FreeSlot(SlotDevice Device, string Base, long Memory, SlotRef Slot) : IComparable<FreeSlot>
{
    public int CompareTo(FreeSlot other)
    {
        var order = ((int)Device).CompareTo((int)other.Device);
        if (order == 0)
            order = string.CompareOrdinal(Base, other.Base);
        if (order == 0)
            order = Memory.CompareTo(other.Memory);
        return order != 0 ? order : Slot.CompareTo(other.Slot);
    }
}

/// <summary>A session all of whose members may be preempted by a priority above <see cref="Priority"/>.</summary>
internal readonly record struct VictimKey(SlotDevice Device, int Priority, string Session) : IComparable<VictimKey>
{
    public int CompareTo(VictimKey other)
    {
        var order = ((int)Device).CompareTo((int)other.Device);
        if (order == 0)
            order = Priority.CompareTo(other.Priority);
        return order != 0 ? order : string.CompareOrdinal(Session, other.Session);
    }
}

/// <summary>Something that falls due: a backoff, a lease, a repeat.</summary>
internal readonly record struct DueKey(long At, string Id) : IComparable<DueKey>
{
    public int CompareTo(DueKey other)
    {
        var byTime = At.CompareTo(other.At);
        return byTime != 0 ? byTime : string.CompareOrdinal(Id, other.Id);
    }
}

/// <summary>
/// Orderings derived from the entries, so that one event costs O(log n) and not a walk over all jobs and nodes.
/// Each entry contributes a pure function of itself: replacing one removes what the old gave and adds what the new gives.
/// </summary>
internal sealed record SchedulerIndex
{
    public static readonly SchedulerIndex Empty = new();

    private long AgingDivisor { get; init; } = new SchedulerOptions().AgingDivisor;

    private long DefaultWorkMs { get; init; } = new SchedulerOptions().DefaultWorkMs;

    public ImmutableSortedDictionary<GroupKey, ImmutableSortedSet<WaitKey>> Waiting { get; init; } =
        ImmutableSortedDictionary<GroupKey, ImmutableSortedSet<WaitKey>>.Empty;

    public ImmutableSortedSet<DueKey> Backoffs { get; init; } = ImmutableSortedSet<DueKey>.Empty;

    public ImmutableSortedSet<DueKey> Resends { get; init; } = ImmutableSortedSet<DueKey>.Empty;

    public ImmutableSortedSet<DueKey> Leases { get; init; } = ImmutableSortedSet<DueKey>.Empty;

    public ImmutableSortedSet<DueKey> Quarantines { get; init; } = ImmutableSortedSet<DueKey>.Empty;

    public ImmutableSortedSet<FreeSlot> Free { get; init; } = ImmutableSortedSet<FreeSlot>.Empty;

    public ImmutableSortedSet<VictimKey> Victims { get; init; } = ImmutableSortedSet<VictimKey>.Empty;

    /// <summary>Sessions that take members, by effective key.</summary>
    public ImmutableSortedDictionary<string, ImmutableSortedSet<string>> Joinable { get; init; } =
        ImmutableSortedDictionary.Create<string, ImmutableSortedSet<string>>(StringComparer.Ordinal);

    public ImmutableSortedDictionary<string, OrgHoldings> Holdings { get; init; } =
        ImmutableSortedDictionary.Create<string, OrgHoldings>(StringComparer.Ordinal);

    public int CpuSlots { get; init; }

    public int CudaSlots { get; init; }

    public static SchedulerIndex Build(SchedulerOptions options, IEnumerable<NodeEntry> nodes, IEnumerable<JobEntry> jobs, IEnumerable<Session> sessions)
    {
        var index = Empty with { AgingDivisor = options.AgingDivisor, DefaultWorkMs = options.DefaultWorkMs };
        foreach (var node in nodes)
            index = index.Replace(null, node);
        foreach (var job in jobs)
            index = index.Replace(null, job);
        foreach (var session in sessions)
            index = index.Replace(null, session);
        return index;
    }

    public SchedulerIndex Replace(NodeEntry? old, NodeEntry? node)
    {
        // A renewal changes the lease alone.
        var same = ReferenceEquals(old?.Slots, node?.Slots) && old?.Schedulable == node?.Schedulable;
        var free = Free;
        foreach (var slot in same ? [] : FreeSlotsOf(old))
            free = free.Remove(slot);
        foreach (var slot in same ? [] : FreeSlotsOf(node))
            free = free.Add(slot);
        var cpu = CountSlots(node, SlotDevice.Cpu) - CountSlots(old, SlotDevice.Cpu);
        var cuda = CountSlots(node, SlotDevice.Cuda) - CountSlots(old, SlotDevice.Cuda);
        return this with
        {
            Free = free,
            CpuSlots = CpuSlots + cpu,
            CudaSlots = CudaSlots + cuda,
            Leases = Swap(Leases, LeaseOf(old), LeaseOf(node)),
            Quarantines = Swap(Quarantines, QuarantineOf(old), QuarantineOf(node)),
        };
    }

    public SchedulerIndex Replace(JobEntry? old, JobEntry? job)
    {
        var waiting = Waiting;
        if (old is { Ready: true })
            waiting = Remove(waiting, GroupOf(old), KeyOf(old));
        if (job is { Ready: true })
            waiting = Add(waiting, GroupOf(job), KeyOf(job));
        return this with
        {
            Waiting = waiting,
            Backoffs = Swap(Backoffs, BackoffOf(old), BackoffOf(job)),
            Resends = Swap(Resends, ResendOf(old), ResendOf(job)),
        };
    }

    public SchedulerIndex Replace(Session? old, Session? session)
    {
        var joinable = Joinable;
        if (JoinKeyOf(old) is { } oldKey)
            joinable = Remove(joinable, oldKey, old!.Id);
        if (JoinKeyOf(session) is { } newKey)
            joinable = Add(joinable, newKey, session!.Id);
        var holdings = Holdings;
        if (old is not null)
            holdings = Hold(holdings, old, -1);
        if (session is not null)
            holdings = Hold(holdings, session, 1);
        return this with { Joinable = joinable, Holdings = holdings, Victims = Swap(Victims, VictimOf(old), VictimOf(session)) };
    }

    /// <summary>What makes two waiting jobs of one organisation and priority alike.</summary>
    public static GroupKey GroupOf(JobEntry job)
    {
        var r = job.Request;
        var share = job.Solo || r.SessionKey.Length == 0 ? "" : $"{r.SessionKey}#{job.Isolation}";
        return new(r.Priority, r.Org, $"{r.Device}|{r.Workers}-{r.Least}|{r.BaseMemoryBytes}+{r.JobMemoryBytes}|{r.BaseDigest}|{share}|{r.Queue}|{LabelsOf(r)}");
    }

    public static string LabelsOf(JobRequest r) => r.Labels.Count == 0
        ? "" : string.Join(',', r.Labels.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => $"{l.Key}={l.Value}"));

    public WaitKey KeyOf(JobEntry job)
    {
        var work = job.WorkLeftMs > 0 ? job.WorkLeftMs : DefaultWorkMs;
        return new(job.WaitingSince + work / Math.Max(1, AgingDivisor), job.Sequence, job.Id);
    }

    private static IEnumerable<FreeSlot> FreeSlotsOf(NodeEntry? node)
    {
        if (node is not { Schedulable: true })
            yield break;
        for (var i = 0; i < node.Slots.Count; i++)
        {
            var slot = node.Slots[i];
            if (slot.Session is not null)
                continue;
            yield return new(slot.Spec.Device, "", slot.Spec.MemoryBytes, new(node.Id, i));
            foreach (var digest in slot.Resident)
                yield return new(slot.Spec.Device, digest, slot.Spec.MemoryBytes, new(node.Id, i));
        }
    }

    private static int CountSlots(NodeEntry? node, SlotDevice device)
    {
        if (node is null or { Lost: true })
            return 0;
        var count = 0;
        foreach (var slot in node.Slots)
            count += slot.Spec.Device == device ? 1 : 0;
        return count;
    }

    private static DueKey? LeaseOf(NodeEntry? node) => node is { Lost: false } ? new(node.LeaseUntil, node.Id) : null;

    private static DueKey? QuarantineOf(NodeEntry? node) =>
        node is { QuarantinedUntil: > 0 } ? new(node.QuarantinedUntil, node.Id) : null;

    private static DueKey? BackoffOf(JobEntry? job) =>
        job is { Phase: JobPhase.Waiting, NotBefore: > 0 } ? new(job.NotBefore, job.Id) : null;

    private static DueKey? ResendOf(JobEntry? job) => job is { ResendAt: > 0 } ? new(job.ResendAt, job.Id) : null;

    private static string? JoinKeyOf(Session? session) => 
        session is { Condemned: false, Key.Length: > 0 } && session.Members.Count < session.Capacity ? session.Key : null;

    private static VictimKey? VictimOf(Session? session)
    {
        if (session is null || session.Members.Count == 0)
            return null;
        var priority = int.MinValue;
        foreach (var member in session.Members)
        {
            if (!member.Preemptible || member.Stopping)
                return null;
            priority = Math.Max(priority, member.Priority);
        }
        return new(session.Device, priority, session.Id);
    }

    /// <summary>Whether any session could be stopped for a job of this priority.</summary>
    public bool HasVictims(SlotDevice device, int priority)
    {
        var first = Victims.IndexOf(new(device, int.MinValue, ""));
        first = first < 0 ? ~first : first;
        return first < Victims.Count && Victims[first] is var victim && victim.Device == device && victim.Priority < priority;
    }

    private static ImmutableSortedDictionary<string, OrgHoldings> Hold(
        ImmutableSortedDictionary<string, OrgHoldings> holdings, Session session, int sign)
    {
        for (var i = 0; i < session.Members.Count; i++)
        {
            var org = session.Members[i].Org;
            var first = true;
            for (var j = 0; j < i && first; j++)
                first = session.Members[j].Org != org;
            var slots = first ? sign * session.Slots.Count : 0;
            var have = holdings.GetValueOrDefault(org);
            var now = session.Device == SlotDevice.Cpu
                ? have with { Jobs = have.Jobs + sign, CpuSlots = have.CpuSlots + slots }
                : have with { Jobs = have.Jobs + sign, CudaSlots = have.CudaSlots + slots };
            holdings = now == default ? holdings.Remove(org) : holdings.SetItem(org, now);
        }
        return holdings;
    }

    private static ImmutableSortedSet<T> Swap<T>(ImmutableSortedSet<T> set, T? old, T? item)
        where T : struct, IEquatable<T>
    {
        if (Nullable.Equals(old, item))
            return set;
        if (old is { } gone)
            set = set.Remove(gone);
        return item is { } come ? set.Add(come) : set;
    }

    private static ImmutableSortedDictionary<TKey, ImmutableSortedSet<T>> Add<TKey, T>(
        ImmutableSortedDictionary<TKey, ImmutableSortedSet<T>> map, TKey key, T item)
        where TKey : notnull
    {
        // Ordinal where the items are strings: the order must not depend on a culture.
        var set = map.TryGetValue(key, out var have) ? have : Comparers<T>.EmptySet;
        return map.SetItem(key, set.Add(item));
    }

    private static ImmutableSortedDictionary<TKey, ImmutableSortedSet<T>> Remove<TKey, T>(
        ImmutableSortedDictionary<TKey, ImmutableSortedSet<T>> map, TKey key, T item)
        where TKey : notnull
    {
        if (!map.TryGetValue(key, out var set))
            return map;
        set = set.Remove(item);
        return set.IsEmpty ? map.Remove(key) : map.SetItem(key, set);
    }

    private static class Comparers<T>
    {
        public static readonly ImmutableSortedSet<T> EmptySet = typeof(T) == typeof(string)
            ? ImmutableSortedSet.Create((IComparer<T>)(object)StringComparer.Ordinal)
            : ImmutableSortedSet<T>.Empty;
    }
}
