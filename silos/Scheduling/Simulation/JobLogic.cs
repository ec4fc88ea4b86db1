namespace FineTuneGrid.Scheduling.Simulation;

/// <summary>The decisions of a job: a pure function from what it knows and a message to what it knows next.</summary>
internal static class JobLogic
{
    /// <summary>The next state; the same instance where nothing changes, null where the message makes no job.</summary>
    public static JobDoc? Decide(JobDoc? doc, JobMessage m, Guards guards)
    {
        if (doc is null)
            return m.Kind == JobMessageKind.Submit ? new JobDoc() : null;
        var own = m.Epoch == doc.Epoch && doc.Phase is SimPhase.Placed or SimPhase.Stopping;
        var next = m.Kind switch
        {
            JobMessageKind.Grant => Grant(doc, m.Grant!, guards),
            JobMessageKind.Stop => StopRun(doc, m, guards),
            JobMessageKind.Fail => doc.Phase == SimPhase.Queued ? doc with { Phase = SimPhase.Terminal, Outcome = SimOutcome.Failed } : doc,
            JobMessageKind.Fenced => doc is { Phase: SimPhase.Placed, Fenced: false } && m.Epoch == doc.Epoch ? doc with { Fenced = true } : doc,
            JobMessageKind.StartConfirmed => Waits(doc, m) ? doc with { Confirmed = true } : doc,
            JobMessageKind.StartDenied => Waits(doc, m) ? Stop(doc, ReleaseReason.Refused, FailureKind.None) : doc,
            JobMessageKind.Attached => own && doc.Phase == SimPhase.Placed ? doc with { Attached = doc.Attached | Bit(m) } : doc,
            JobMessageKind.Finished => own ? Finish(doc) : doc,
            JobMessageKind.Ended => own ? Ended(doc, m) : doc,
            JobMessageKind.Detached => own ? Detached(doc, m) : doc,
            JobMessageKind.Published => doc.Phase == SimPhase.Publishing ? doc with { Phase = SimPhase.Terminal, Outcome = SimOutcome.Succeeded } : doc,
            JobMessageKind.Cancel => Cancel(doc),
            JobMessageKind.Pause => Pause(doc),
            JobMessageKind.Resume => doc.WantsPause && doc.Phase != SimPhase.Terminal ? doc with { WantsPause = false } : doc,
            _ => doc,
        };
        return next == doc ? doc : Conclude(next, guards);
    }

    public static bool Answers(JobDoc doc, string placement) =>
        placement != doc.Placement && (doc.Phase == SimPhase.Terminal || JobMessage.NumberOf(placement) <= doc.LastGrant);

    private static JobDoc Grant(JobDoc doc, GrantCommand grant, Guards guards)
    {
        var number = JobMessage.NumberOf(grant.Placement);
        var remembered = guards.HasFlag(Guards.RememberGrants) && number <= doc.LastGrant;
        if (doc.Phase != SimPhase.Queued || remembered)
            return doc;
        if (doc.WantsPause)
            return doc with { LastGrant = number, Released = grant.Placement, ReleasedWhy = ReleaseReason.Paused, ReleasedKind = FailureKind.None };
        return doc with
        {
            Phase = SimPhase.Placed,
            Epoch = doc.Epoch + 1,
            LastGrant = Math.Max(doc.LastGrant, number),
            Placement = grant.Placement,
            Session = grant.Session,
            Slots = grant.Slots,
            Fenced = false,
            Confirmed = false,
            Attached = 0,
            Detached = 0,
        };
    }

    private static JobDoc StopRun(JobDoc doc, JobMessage m, Guards guards)
    {
        if (m.Placement == doc.Placement)
            return doc.Phase == SimPhase.Placed ? Stop(doc, ReasonOf(m.Stop), FailureKind.None) : doc;
        var number = JobMessage.NumberOf(m.Placement);
        if (doc.Phase != SimPhase.Queued || number <= doc.LastGrant || !guards.HasFlag(Guards.RememberGrants))
            return doc;
        // The grant itself has not come yet: when it does, it must find that it is over.
        return doc with { LastGrant = number, Released = m.Placement, ReleasedWhy = ReleaseReason.Refused, ReleasedKind = FailureKind.None };
    }

    private static JobDoc Finish(JobDoc doc) =>
        doc.Done ? doc : (doc.Phase == SimPhase.Placed ? Stop(doc, ReleaseReason.Finished, FailureKind.None) : doc) with { Done = true };

    /// <summary>
    /// A worker that ended by itself does not count as gone before its node has recorded a stop: a start that is still under way
    /// would start it again.
    /// </summary>
    private static JobDoc Ended(JobDoc doc, JobMessage m)
    {
        if (doc.Phase == SimPhase.Stopping)
            return doc;
        return m.Crashed ? Stop(doc, ReleaseReason.Failed, FailureKind.TrainerCrash) : Stop(doc, ReleaseReason.Lost, FailureKind.None);
    }

    private static JobDoc Detached(JobDoc doc, JobMessage m)
    {
        var gone = doc with { Detached = doc.Detached | Bit(m) };
        return doc.Phase == SimPhase.Placed ? Stop(gone, ReleaseReason.Lost, FailureKind.None) : gone;
    }

    private static JobDoc Cancel(JobDoc doc)
    {
        if (doc.Phase is SimPhase.Publishing or SimPhase.Terminal || doc.WantsCancel)
            return doc;
        var wants = doc with { WantsCancel = true };
        if (doc.Phase == SimPhase.Queued)
            return wants with { Phase = SimPhase.Terminal, Outcome = SimOutcome.Cancelled };
        return doc.Phase == SimPhase.Placed ? Stop(wants, ReleaseReason.Cancelled, FailureKind.None) : wants;
    }

    private static JobDoc Pause(JobDoc doc)
    {
        if (doc.Phase is SimPhase.Publishing or SimPhase.Terminal || doc.WantsPause || doc.Done)
            return doc;
        var wants = doc with { WantsPause = true };
        return doc.Phase == SimPhase.Placed ? Stop(wants, ReleaseReason.Paused, FailureKind.None) : wants;
    }

    private static JobDoc Stop(JobDoc doc, ReleaseReason reason, FailureKind kind) =>
        doc with { Phase = SimPhase.Stopping, Reason = reason, Kind = kind };

    /// <summary>A run that is being stopped ends when all of its workers are gone.</summary>
    private static JobDoc Conclude(JobDoc doc, Guards guards)
    {
        if (doc.Phase != SimPhase.Stopping)
            return doc;
        var all = (1 << doc.Slots.Count) - 1;
        // Before the placement was confirmed no start was ever sent.
        if (doc.Confirmed && doc.Detached != all && guards.HasFlag(Guards.ReleaseAfterDetach))
            return doc;
        var ended = doc with { Placement = "", Session = "", Slots = [], Released = doc.Placement, ReleasedWhy = doc.Reason, ReleasedKind = doc.Kind };
        if (doc.WantsCancel)
            return ended with { Phase = SimPhase.Terminal, Outcome = SimOutcome.Cancelled };
        return doc.Done
            ? ended with { Phase = SimPhase.Publishing, ReleasedWhy = ReleaseReason.Finished }
            : ended with { Phase = SimPhase.Queued };
    }

    private static ReleaseReason ReasonOf(StopReason stop) => stop switch
    {
        StopReason.NodeLost => ReleaseReason.Lost,
        StopReason.StartTimeout => ReleaseReason.Refused,
        _ => ReleaseReason.Preempted,
    };

    private static bool Waits(JobDoc doc, JobMessage m) => doc is { Phase: SimPhase.Placed, Confirmed: false } && doc.Placement == m.Placement;

    private static int Bit(JobMessage m) => 1 << m.Worker;
}
