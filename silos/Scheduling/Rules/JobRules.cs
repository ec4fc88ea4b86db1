using FineTuneGrid.Contracts;

namespace FineTuneGrid.Scheduling;

/// <summary>Jobs arriving, running and being told what to do.</summary>
internal static class JobRules
{
    public static void Queue(Edit edit, JobQueued e)
    {
        if (edit.Job(e.Request.Id) is not null)
            return;
        var job = new JobEntry
        {
            Request = Normalised(e.Request),
            Sequence = edit.NewSequence(),
            WaitingSince = edit.Now,
            WorkLeftMs = e.Request.WorkMs,
        };
        // Where one of its kind already waits and no slot is free, this one cannot start either.
        var hopeless = edit.Index.Waiting.ContainsKey(SchedulerIndex.GroupOf(job)) && edit.Index.Free.IsEmpty;
        edit.Put(job);
        edit.PassNeeded |= !hopeless;
    }

    public static void Recover(Edit edit, JobRecovered e)
    {
        if (edit.Job(e.Request.Id) is not null)
            return;
        var job = new JobEntry
        {
            Request = Normalised(e.Request),
            Sequence = edit.NewSequence(),
            WaitingSince = e.WaitingSince > 0 ? e.WaitingSince : edit.Now,
            WorkLeftMs = e.WorkLeftMs,
            CommittedStep = e.CommittedStep,
            CommittedAt = edit.Now,
            Failures = e.Failures,
            Intent = e.Paused ? JobIntent.Pause : JobIntent.Run,
            Phase = e.Paused && e.Placement is null ? JobPhase.Paused : JobPhase.Waiting,
        };
        edit.Put(job);
        edit.PassNeeded = true;
        ReserveNumber(edit, e.LastPlacement);
        if (e.Placement is { } placement)
            Adopt(edit, job, placement);
    }

    public static void Started(Edit edit, JobStarted e)
    {
        if (Current(edit, e.Job, e.Placement) is not { Placement: { } placement } job)
            return;
        var starting = placement.State == PlacementState.Starting;
        edit.Put(job with
        {
            Placement = placement with
            {
                Epoch = Math.Max(placement.Epoch, e.Epoch),
                StartedAt = starting ? edit.Now : placement.StartedAt,
                State = starting ? PlacementState.Running : placement.State,
            },
            ResendAt = starting ? 0 : job.ResendAt,
        });
        if (!starting || edit.State.Sessions.GetValueOrDefault(placement.Session) is not { Loaded: false } session)
            return;
        edit.Put(session with { Loaded = true });
        edit.SetSlots(session.Slots, session.Id, session.BaseDigest.Length == 0 ? [] : [session.BaseDigest]);
    }

    public static void Progress(Edit edit, JobProgress e)
    {
        if (Current(edit, e.Job, e.Placement) is not { Placement: { } placement } job)
            return;
        var advanced = e.CommittedStep > job.CommittedStep;
        var cleared = job.Isolation.Length > 0 && e.CommittedStep > job.IsolationStep;
        var healthy = advanced && placement.StartedAt > 0 && edit.Now - placement.StartedAt >= edit.Options.HealthyRunMs;
        edit.Put(job with
        {
            WorkLeftMs = Math.Max(0, e.WorkLeftMs),
            CommittedStep = Math.Max(job.CommittedStep, e.CommittedStep),
            CommittedAt = advanced ? edit.Now : job.CommittedAt,
            SaveMs = e.SaveMs > 0 ? e.SaveMs : job.SaveMs,
            ReloadMs = e.ReloadMs > 0 ? e.ReloadMs : job.ReloadMs,
            Isolation = cleared ? "" : job.Isolation,
            Avoid = advanced ? [] : job.Avoid,
            Failures = healthy ? new FailureCounters { Preemptions = job.Failures.Preemptions } : job.Failures,
        });
    }

    public static void Cancel(Edit edit, JobCancelled e)
    {
        if (edit.Job(e.Job) is not { } job)
            return;
        if (job.Placement is null)
        {
            Forget(edit, job);
            return;
        }
        edit.Put(job with { Intent = JobIntent.Cancel });
        Stop(edit, edit.Job(e.Job)!, StopReason.Cancelled);
    }

    public static void Pause(Edit edit, JobPaused e)
    {
        if (edit.Job(e.Job) is not { Intent: not JobIntent.Cancel, Phase: not JobPhase.Failed } job)
            return;
        var paused = job with { Intent = JobIntent.Pause };
        if (job.Placement is null)
        {
            edit.Put(paused with { Phase = JobPhase.Paused, NotBefore = 0 });
            edit.Unreserve(job.Id);
            return;
        }
        edit.Put(paused);
        Stop(edit, paused, StopReason.Paused);
    }

    public static void Resume(Edit edit, JobResumed e)
    {
        if (edit.Job(e.Job) is not { Intent: JobIntent.Pause } job)
            return;
        // A run that is already being stopped ends first; its release then finds that the job wants to run.
        edit.Put(job with { Intent = JobIntent.Run, Phase = job.Phase == JobPhase.Paused ? JobPhase.Waiting : job.Phase });
        edit.PassNeeded = true;
    }

    public static void ChangePriority(Edit edit, PriorityChanged e)
    {
        if (edit.Job(e.Job) is not { } job || job.Request.Priority == e.Priority)
            return;
        var changed = job with { Request = job.Request with { Priority = e.Priority } };
        edit.Put(changed);
        if (changed.Placement is { } placement && edit.State.Sessions.GetValueOrDefault(placement.Session) is { } session)
            edit.Put(session with { Members = [.. session.Members.Select(m => m.Job == job.Id ? m with { Priority = e.Priority } : m)] });
        edit.Unreserve(job.Id);
        edit.PassNeeded = true;
    }

    /// <summary>Tells a run to stop, once; the slots stay taken until the job is released.</summary>
    public static void Stop(Edit edit, JobEntry job, StopReason reason, string? forJob = null)
    {
        if (job.Placement is not { State: not PlacementState.Stopping } placement)
            return;
        edit.Put(job with
        {
            Placement = placement with { State = PlacementState.Stopping, Stop = reason },
            ResendAt = edit.Now + edit.Options.ResendMs,
        });
        if (edit.State.Sessions.GetValueOrDefault(placement.Session) is { } session)
            edit.Put(session with { Members = [.. session.Members.Select(m => m.Job == job.Id ? m with { Stopping = true } : m)] });
        edit.Emit(new StopCommand(job.Id, placement.Id, reason, forJob));
    }

    public static void Forget(Edit edit, JobEntry job)
    {
        edit.Unreserve(job.Id);
        edit.Forget(job);
    }

    /// <summary>Ends a job for good: the verdict is repeated until the job has closed.</summary>
    public static void Fail(Edit edit, JobEntry job, string code, string why)
    {
        edit.Unreserve(job.Id);
        edit.Put(job with
        {
            Phase = JobPhase.Failed,
            Placement = null,
            NotBefore = 0,
            FailCode = code,
            LastFailure = why,
            ResendAt = edit.Now + edit.Options.ResendMs,
        });
        edit.Emit(new FailCommand(job.Id, code, why));
    }

    /// <summary>The job, if that placement is its present one.</summary>
    public static JobEntry? Current(Edit edit, string jobId, string placement) =>
        edit.Job(jobId) is { Placement: { } current } job && current.Id == placement ? job : null;

    private static JobRequest Normalised(JobRequest r)
    {
        if (r.Id.Length == 0 || r.Org.Length == 0)
            throw new GridException(ErrorCodes.InvalidValue, "A job request needs an id and an organisation.", "job");
        return r with { Workers = Math.Max(1, r.Workers), MinWorkers = Math.Max(0, r.MinWorkers), WorkMs = Math.Max(0, r.WorkMs) };
    }

    private static void Adopt(Edit edit, JobEntry job, Placement placement)
    {
        var request = job.Request;
        var session = edit.State.Sessions.GetValueOrDefault(placement.Session);
        // Slots that another session holds by its own account cannot be this one's too: the job must start anew.
        var clash = session is null && placement.Slots.Any(s => edit.State.Sessions.Values.Any(x => x.Slots.Contains(s)));
        edit.Put(job with
        {
            Phase = JobPhase.Placed,
            Placement = placement with { State = PlacementState.Running, Stop = StopReason.None, GrantedAt = edit.Now, StartedAt = edit.Now },
        });
        foreach (var node in placement.Slots.Select(s => s.Node).Distinct())
            if (edit.Node(node) is null)
                edit.Put(new NodeEntry { Id = node, LeaseUntil = edit.Now + edit.Options.AdoptionGraceMs });
        session ??= new Session
        {
            Id = placement.Session,
            Key = SlotFinder.EffectiveKey(edit.State, job),
            Device = request.Device,
            BaseDigest = request.BaseDigest,
            BaseMemoryBytes = request.BaseMemoryBytes,
            Slots = clash ? [] : placement.Slots,
            Capacity = int.MaxValue,
            Loaded = true,
        };
        edit.Put(session with { Members = [.. session.Members, SlotFinder.MemberOf(job)] });
        edit.SetSlots(session.Slots, session.Id, null);
        ReserveNumbers(edit, placement);
        if (clash || job.Intent == JobIntent.Pause)
            Stop(edit, edit.Job(job.Id)!, clash ? StopReason.Isolated : StopReason.Paused);
    }

    /// <summary>Ids made before the rebuild must not be made again.</summary>
    private static void ReserveNumbers(Edit edit, Placement placement)
    {
        foreach (var id in (string[])[placement.Id, placement.Session])
            if (id.Length > 1 && long.TryParse(id.AsSpan(1), out var number))
                ReserveNumber(edit, number);
    }

    private static void ReserveNumber(Edit edit, long number)
    {
        if (number >= edit.State.NextId)
            edit.Set(s => s with { NextId = number + 1 });
    }
}
