namespace FineTuneGrid.Scheduling;

/// <summary>Says why a job waits by asking the rules that placed it last; changes nothing.</summary>
internal static class Explainer
{
    private const int MaxBlockers = 10;

    public static IReadOnlyList<WaitReason> Explain(SchedulerState state, string jobId)
    {
        if (!state.Jobs.TryGetValue(jobId, out var job))
            return [new(WaitCodes.UnknownJob, "The scheduler has no such job: it has ended or was never queued.")];
        switch (job.Phase)
        {
            case JobPhase.Failed:
                return [new(WaitCodes.Failed, $"The job has failed: {job.LastFailure}.")];
            case JobPhase.Paused:
                return [new(WaitCodes.Paused, "The job is paused.", "It would be queued if it were resumed.")];
            case JobPhase.Placed:
                return Placed(job);
        }
        var reasons = new List<WaitReason>();
        if (job.NotBefore > 0)
            reasons.Add(new(WaitCodes.BackingOff, $"It is retried in {Seconds(job.NotBefore - state.Now)} after: {job.LastFailure}.") { Until = job.NotBefore });
        if (state.Queues.TryGetValue(job.Request.Queue, out var queue) && queue.Held)
            reasons.Add(new(WaitCodes.QueueHeld, $"Queue '{job.Request.Queue}' is held.", "It would be considered if the queue were released."));
        if (Quota(state, job) is { } quota)
            reasons.Add(quota);
        if (CapacityExplainer.Impossible(state, job) is { } impossible)
            reasons.Add(impossible);
        else
            reasons.AddRange(CapacityExplainer.Busy(state, job));
        if (Ahead(state, job) is { } ahead)
            reasons.Add(ahead);
        if (reasons.Count == 0)
            reasons.Add(new(WaitCodes.Pending, "Nothing stands in its way; it is considered at the next step."));
        return reasons;
    }

    public static string Seconds(long ms) => ms < 120_000 ? $"{Math.Max(0, ms / 1000)} s" : $"{ms / 60_000} min";

    private static WaitReason[] Placed(JobEntry job) => job.Placement!.State switch
    {
        PlacementState.Starting => [new(WaitCodes.Starting, $"It has its slots ({string.Join(", ", job.Placement.Slots)}) and is starting.")],
        PlacementState.Stopping => [new(WaitCodes.Stopping, $"Its run is being stopped: {Words(job.Placement.Stop)}.")],
        _ => [],
    };

    private static string Words(StopReason reason) => reason switch
    {
        StopReason.Preempted => "a job of higher priority takes its slots",
        StopReason.Paused => "it was paused",
        StopReason.Cancelled => "it was cancelled",
        StopReason.Drained => "its node is being drained",
        StopReason.NodeLost => "a node of it was lost",
        StopReason.Isolated => "another job of its session crashed the trainer",
        _ => "it did not start in time",
    };

    private static WaitReason? Quota(SchedulerState state, JobEntry job)
    {
        var r = job.Request;
        if (!state.OrgPolicies.TryGetValue(r.Org, out var policy))
            return null;
        var held = state.HoldingsOf(r.Org);
        if (policy.MaxRunningJobs is { } jobs && held.Jobs >= jobs)
            return new(WaitCodes.QuotaReached, $"'{r.Org}' runs {held.Jobs} of the {jobs} jobs that it may run at once.",
                $"It would be considered now if the limit were {held.Jobs + 1} jobs.") { Needed = 1, Free = 0 };
        if (policy.MaxSlots is { } slots && held.Slots + r.Least > slots)
            return new(WaitCodes.QuotaReached, $"'{r.Org}' holds {held.Slots} of the {slots} slots that it may hold; this job needs {r.Least}.",
                $"It would be considered now if the limit were {held.Slots + r.Least} slots.")
            { Needed = r.Least, Free = Math.Max(0, slots - held.Slots) };
        return null;
    }

    private static WaitReason? Ahead(SchedulerState state, JobEntry job)
    {
        if (!job.Ready)
            return null;
        var r = job.Request;
        var mine = FairShare.KeyOf(state, r.Org);
        var key = state.Index.KeyOf(job);
        var count = 0;
        var names = new List<string>();
        foreach (var (group, jobs) in state.Index.Waiting)
        {
            if (group.Priority < r.Priority)
                break;
            var before = jobs.Count;
            if (group.Priority == r.Priority && group.Org == r.Org)
                before = jobs.IndexOf(key) is var at && at < 0 ? ~at : at;
            else if (group.Priority == r.Priority && FairShare.KeyOf(state, group.Org).CompareTo(mine) > 0)
                before = 0;
            count += before;
            for (var i = 0; i < before && names.Count < MaxBlockers; i++)
                names.Add(jobs[i].Job);
        }
        if (count == 0)
            return null;
        return new(WaitCodes.Behind, $"{count} {(count == 1 ? "job goes" : "jobs go")} before it in queue '{r.Queue}' and others.",
            "It would be first if its priority were above theirs.") { Ahead = count, Blockers = names };
    }
}
