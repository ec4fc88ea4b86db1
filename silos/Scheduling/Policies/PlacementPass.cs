namespace FineTuneGrid.Scheduling;

/// <summary>
/// Starts what can start: by priority, then the least served organisation, then shortest remaining work with aging.
/// A gang gets all its slots in one decision or none.
/// </summary>
internal static class PlacementPass
{
    /// <summary>Jobs of a group looked at for one that is short enough to slip in before a reservation.</summary>
    private const int BackfillLook = 32;

    public static void Run(Edit edit)
    {
        Reservations.Revalidate(edit);
        if (edit.Index.Waiting.IsEmpty || NothingToGive(edit))
            return;
        foreach (var job in Holders(edit))
            if (edit.Job(job) is { Ready: true } holder)
                TryStart(edit, holder);
        var level = new List<GroupKey>();
        foreach (var group in edit.Index.Waiting.Keys.ToArray())
        {
            if (level.Count > 0 && level[0].Priority != group.Priority)
            {
                RunLevel(edit, level);
                level.Clear();
            }
            level.Add(group);
        }
        RunLevel(edit, level);
    }

    private static bool NothingToGive(Edit edit)
    {
        var index = edit.Index;
        if (!index.Free.IsEmpty || !index.Joinable.IsEmpty)
            return false;
        var highest = index.Waiting.Keys.First().Priority;
        foreach (var device in (SlotDevice[])[SlotDevice.Cpu, SlotDevice.Cuda])
        {
            var first = index.Victims.IndexOf(new(device, int.MinValue, ""));
            first = first < 0 ? ~first : first;
            if (first < index.Victims.Count && index.Victims[first] is var v && v.Device == device && v.Priority < highest)
                return false;
        }
        return true;
    }

    private static string[] Holders(Edit edit) =>
        [.. edit.State.Reservations.Values.OrderByDescending(r => edit.Job(r.Job)?.Request.Priority ?? 0)
            .ThenByDescending(r => r.Hard).ThenBy(r => r.Since).ThenBy(r => r.Job, StringComparer.Ordinal).Select(r => r.Job)];

    private static void RunLevel(Edit edit, List<GroupKey> groups)
    {
        var orgs = new SortedDictionary<string, PriorityQueue<GroupKey, WaitKey>>(StringComparer.Ordinal);
        foreach (var group in groups)
        {
            if (!edit.Index.Waiting.TryGetValue(group, out var jobs))
                continue;
            if (!orgs.TryGetValue(group.Org, out var queue))
                orgs[group.Org] = queue = new();
            queue.Enqueue(group, jobs.Min);
        }
        var shares = orgs.Keys.ToDictionary(o => o, o => FairShare.KeyOf(edit.State, o));
        while (orgs.Count > 0)
        {
            var org = orgs.Count == 1 ? orgs.First().Key : orgs.Keys.MinBy(o => shares[o])!;
            var queue = orgs[org];
            var group = queue.Dequeue();
            if (TryGroup(edit, group))
                shares[org] = FairShare.KeyOf(edit.State, org);
            else
                group = default;
            if (group != default && edit.Index.Waiting.TryGetValue(group, out var rest))
                queue.Enqueue(group, rest.Min);
            if (queue.Count == 0)
                orgs.Remove(org);
        }
    }

    /// <summary>Starts one job of the group; false where none of it can start now.</summary>
    private static bool TryGroup(Edit edit, GroupKey group)
    {
        if (!edit.Index.Waiting.TryGetValue(group, out var jobs))
            return false;
        var first = edit.Job(jobs[0].Job)!;
        var kind = TryStart(edit, first);
        if (kind == FitKind.Fits)
            return true;
        if (kind is FitKind.Quota or FitKind.Held)
            return false;
        if (!Preemption.TryPreempt(edit, first))
            Reservations.TryReserve(edit, first);
        if (kind != FitKind.Reserved)
            return false;
        for (var i = 1; i < Math.Min(jobs.Count, BackfillLook); i++)
            if (TryStart(edit, edit.Job(jobs[i].Job)!) == FitKind.Fits)
                return true;
        return false;
    }

    private static FitKind TryStart(Edit edit, JobEntry job)
    {
        var fit = new SlotFinder(edit.State).Find(job);
        if (fit.Kind == FitKind.Fits)
            Start(edit, job, fit);
        return fit.Kind;
    }

    private static void Start(Edit edit, JobEntry job, Fit fit)
    {
        var slots = fit.Slots!;
        var isNew = fit.Session is null;
        var session = isNew ? NewSession(edit, job, slots) : edit.State.Sessions[fit.Session!];
        edit.Put(session with { Members = [.. session.Members, SlotFinder.MemberOf(job)] });
        if (isNew)
            edit.SetSlots(slots, session.Id, null);
        var placement = new Placement
        {
            Id = edit.NewId("p"),
            Session = session.Id,
            Slots = slots,
            State = PlacementState.Starting,
            GrantedAt = edit.Now,
        };
        edit.Unreserve(job.Id);
        edit.Put(job with { Phase = JobPhase.Placed, Placement = placement, ResendAt = edit.Now + Math.Max(1, edit.Options.ResendMs) });
        edit.Emit(SlotFinder.GrantOf(job, placement));
    }

    private static Session NewSession(Edit edit, JobEntry job, IReadOnlyList<SlotRef> slots) => new()
    {
        Id = edit.NewId("s"),
        Key = SlotFinder.EffectiveKey(edit.State, job),
        Device = job.Request.Device,
        BaseDigest = job.Request.BaseDigest,
        BaseMemoryBytes = job.Request.BaseMemoryBytes,
        Slots = slots,
    };
}
