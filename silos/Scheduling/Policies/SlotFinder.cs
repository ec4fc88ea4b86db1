namespace FineTuneGrid.Scheduling;

internal enum FitKind
{
    Fits,

    /// <summary>Not enough free slots.</summary>
    NoSlots,

    /// <summary>Enough would be free, but they are kept for another job.</summary>
    Reserved,

    /// <summary>The organisation's quota is reached.</summary>
    Quota,

    /// <summary>Its queue is held.</summary>
    Held,
}

/// <summary>Where a job can start: on the slots of a session that it joins, or on free ones.</summary>
internal readonly record struct Fit(FitKind Kind, string? Session = null, IReadOnlyList<SlotRef>? Slots = null);

/// <summary>Finds slots for one job in one state; changes nothing.</summary>
internal sealed class SlotFinder(SchedulerState state, IReadOnlyDictionary<SlotRef, Reservation> reserved)
{
    private readonly SchedulerState _state = state;
    private readonly IReadOnlyDictionary<SlotRef, Reservation> _reserved = reserved;

    public SlotFinder(SchedulerState state)
        : this(state, ReservedSlots(state))
    {
    }

    /// <summary>Who each reserved slot is kept for; a hard reservation wins over a soft one.</summary>
    public static Dictionary<SlotRef, Reservation> ReservedSlots(SchedulerState state)
    {
        var reserved = new Dictionary<SlotRef, Reservation>();
        foreach (var reservation in state.Reservations.Values)
            foreach (var slot in reservation.Slots)
                if (!reserved.TryGetValue(slot, out var other) || !other.Hard)
                    reserved[slot] = reservation;
        return reserved;
    }

    public static string EffectiveKey(SchedulerState state, JobEntry job)
    {
        var r = job.Request;
        if (job.Solo || r.SessionKey.Length == 0)
            return "";
        return $"{r.SessionKey}|{r.Device}x{r.Workers}{(r.Least < r.Workers ? $"-{r.Least}" : "")}|{r.BaseDigest}|{(state.Options.MixOrganisations ? "" : r.Org)}|{job.Isolation}";
    }

    public static SessionMember MemberOf(JobEntry job) =>
        new(job.Id, job.Request.Org, job.Request.Priority, job.Request.Preemptible, job.Request.JobMemoryBytes, Stopping: false);

    public static GrantCommand GrantOf(JobEntry job, Placement p) =>
        new(job.Id, p.Id, p.Session, p.Slots) { BaseDigest = job.Request.BaseDigest };

    public static long Need(JobRequest r) => r.BaseMemoryBytes + r.JobMemoryBytes;

    public static bool Suits(NodeEntry node, SlotEntry slot, JobRequest r) =>
        slot.Spec.Device == r.Device && slot.Spec.MemoryBytes >= Need(r) && node.Matches(r.Labels);

    /// <param name="sharedOnly">Free slots are known not to do: only sessions to join are looked at.</param>
    public Fit Find(JobEntry job, bool sharedOnly = false)
    {
        var r = job.Request;
        if (_state.Queues.TryGetValue(r.Queue, out var queue) && queue.Held)
            return new(FitKind.Held);
        var policy = _state.OrgPolicies.GetValueOrDefault(r.Org);
        var held = _state.HoldingsOf(r.Org);
        if (policy?.MaxRunningJobs is { } maxJobs && held.Jobs >= maxJobs)
            return new(FitKind.Quota);
        var slotsLeft = policy?.MaxSlots is { } maxSlots ? maxSlots - held.Slots : int.MaxValue;
        var kept = false;
        if (FindSession(job, slotsLeft, ref kept) is { } session)
            return new(FitKind.Fits, session.Id, session.Slots);
        if (r.Least > slotsLeft)
            return new(FitKind.Quota);
        if (sharedOnly)
            return new(kept ? FitKind.Reserved : FitKind.NoSlots);
        var slots = r.Workers == 1 ? FindOne(job, ref kept) : FindGang(job, Math.Min(r.Workers, slotsLeft), ref kept);
        if (slots is not null)
            return new(FitKind.Fits, null, slots);
        return new(kept ? FitKind.Reserved : FitKind.NoSlots);
    }

    /// <summary>Whether the job may use a slot: nobody else's, or it ends before its holder expects to start.</summary>
    public bool MayUse(JobEntry job, SlotRef slot)
    {
        if (!_reserved.TryGetValue(slot, out var kept) || kept.Job == job.Id)
            return true;
        if (_state.Jobs.TryGetValue(kept.Job, out var holder) && holder.Request.Priority < job.Request.Priority)
            return true;
        if (kept.Hard || _state.Now - kept.Since >= _state.Options.BackfillPatienceMs)
            return false;
        var work = job.WorkLeftMs > 0 ? job.WorkLeftMs : _state.Options.DefaultWorkMs;
        return _state.Now + work + job.ReloadMs <= kept.ExpectedAt;
    }

    public string? ReservedFor(SlotRef slot) => _reserved.TryGetValue(slot, out var kept) ? kept.Job : null;

    private Session? FindSession(JobEntry job, int slotsLeft, ref bool kept)
    {
        var key = EffectiveKey(_state, job);
        if (key.Length == 0 || !_state.Index.Joinable.TryGetValue(key, out var ids))
            return null;
        foreach (var id in ids)
        {
            var session = _state.Sessions[id];
            if (!HasRoom(session, job) || !session.Members.Any(m => !m.Stopping))
                continue;
            var member = session.Members.Any(m => m.Org == job.Request.Org);
            if (!member && session.Slots.Count > slotsLeft)
                continue;
            if (session.Slots.All(s => MayUse(job, s)))
                return session;
            kept = true;
        }
        return null;
    }

    private bool HasRoom(Session session, JobEntry job)
    {
        var memory = session.MemoryBytes + job.Request.JobMemoryBytes;
        foreach (var at in session.Slots)
        {
            if (!_state.Nodes.TryGetValue(at.Node, out var node) || !node.Schedulable || at.Slot >= node.Slots.Count)
                return false;
            var spec = node.Slots[at.Slot].Spec;
            if (spec.MaxJobs <= session.Members.Count || spec.MemoryBytes < memory || !node.Matches(job.Request.Labels))
                return false;
        }
        return session.Slots.Count > 0;
    }

    /// <summary>One slot: with the base loaded before without, not avoided before avoided, then the smallest that is enough.</summary>
    private SlotRef[]? FindOne(JobEntry job, ref bool kept)
    {
        SlotRef? second = null;
        var free = _state.Index.Free;
        for (var pass = 0; pass < 2; pass++)
        {
            var digest = pass == 0 ? job.Request.BaseDigest : "";
            if (pass == 0 && digest.Length == 0)
                continue;
            for (var i = Start(job.Request, digest); i < free.Count; i++)
            {
                var slot = free[i];
                if (slot.Device != job.Request.Device || slot.Base != digest)
                    break;
                if (!Usable(job, slot.Slot, ref kept))
                    continue;
                if (!job.Avoid.Contains(slot.Slot.Node))
                    return [slot.Slot];
                second ??= slot.Slot;
            }
        }
        return second is { } last ? [last] : null;
    }

    /// <summary>
    /// As many slots as workers, or as are free where the job makes do with fewer: on one node where one has enough, else on as
    /// few nodes as possible.
    /// </summary>
    private SlotRef[]? FindGang(JobEntry job, int most, ref bool kept)
    {
        var r = job.Request;
        var free = _state.Index.Free;
        var byNode = new SortedDictionary<string, List<SlotRef>>(StringComparer.Ordinal);
        var found = 0;
        for (var i = Start(r, ""); i < free.Count; i++)
        {
            var slot = free[i];
            if (slot.Device != r.Device || slot.Base.Length > 0)
                break;
            if (!Usable(job, slot.Slot, ref kept))
                continue;
            found++;
            if (!byNode.TryGetValue(slot.Slot.Node, out var list))
                byNode[slot.Slot.Node] = list = [];
            list.Add(slot.Slot);
        }
        if (found < r.Least)
            return null;
        var count = Math.Min(found, most);
        var whole = byNode.Where(n => n.Value.Count >= count)
            .OrderBy(n => job.Avoid.Contains(n.Key)).ThenByDescending(n => n.Value.Count(s => IsWarm(s, r)))
            .ThenBy(n => n.Value.Count).ThenBy(n => n.Key, StringComparer.Ordinal).Select(n => n.Value).FirstOrDefault();
        var pool = whole ?? byNode.OrderBy(n => job.Avoid.Contains(n.Key)).ThenByDescending(n => n.Value.Count)
            .ThenBy(n => n.Key, StringComparer.Ordinal).SelectMany(n => n.Value);
        SlotRef[] slots = whole is null ? [.. pool.Take(count)] : [.. whole.OrderByDescending(s => IsWarm(s, r)).ThenBy(s => s).Take(count)];
        Array.Sort(slots);
        return slots;
    }

    private bool Usable(JobEntry job, SlotRef slot, ref bool kept)
    {
        if (job.Request.Labels.Count > 0 && !_state.Nodes[slot.Node].Matches(job.Request.Labels))
            return false;
        if (MayUse(job, slot))
            return true;
        kept = true;
        return false;
    }

    private bool IsWarm(SlotRef at, JobRequest r) =>
        r.BaseDigest.Length > 0 && _state.Nodes[at.Node].Slots[at.Slot].Resident.Contains(r.BaseDigest);

    private int Start(JobRequest r, string digest)
    {
        var index = _state.Index.Free.IndexOf(new(r.Device, digest, Need(r), new("", -1)));
        return index < 0 ? ~index : index;
    }
}
