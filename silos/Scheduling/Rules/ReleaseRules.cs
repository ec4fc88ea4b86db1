using FineTuneGrid.Contracts;

namespace FineTuneGrid.Scheduling;

/// <summary>What becomes of a job whose run has ended, and of the slots and the session that it held.</summary>
internal static class ReleaseRules
{
    public static void Released(Edit edit, JobReleased e)
    {
        if (JobRules.Current(edit, e.Job, e.Placement) is not { Placement: { } placement } job)
            return;
        var session = edit.State.Sessions.GetValueOrDefault(placement.Session);
        var crash = e is { Reason: ReleaseReason.Failed, Kind: FailureKind.TrainerCrash };
        var shared = session is not null && (session.Condemned || session.Members.Count > 1);
        if (crash && session is not null)
            CrashRules.Crashed(edit, session, job);
        Vacate(edit, job, placement, crash);
        job = edit.Job(e.Job)! with { Placement = null, ResendAt = 0, Phase = JobPhase.Waiting };
        edit.Put(job);
        Settle(edit, job, e, crash && shared, placement);
    }

    public static void Closed(Edit edit, JobClosed e)
    {
        if (edit.Job(e.Job) is not { } job)
            return;
        if (job.Placement is { } placement)
            Vacate(edit, job, placement, crashed: false);
        JobRules.Forget(edit, edit.Job(e.Job)!);
    }

    private static void Settle(Edit edit, JobEntry job, JobReleased e, bool sharedCrash, Placement placement)
    {
        if (e.Reason is ReleaseReason.Finished or ReleaseReason.Cancelled || job.Intent == JobIntent.Cancel)
        {
            if (e.Reason == ReleaseReason.Finished)
                PardonNodes(edit, placement);
            JobRules.Forget(edit, job);
            return;
        }
        var f = job.Failures;
        var o = edit.Options;
        var message = e.Message ?? "";
        switch (e.Reason, e.Kind)
        {
            case (ReleaseReason.Preempted or ReleaseReason.Paused, _):
                Requeue(edit, job with { Failures = f with { Preemptions = f.Preemptions + (placement.Stop == StopReason.Preempted ? 1 : 0) } }, 0, "");
                break;
            case (ReleaseReason.Refused, _):
                Requeue(edit, job, 1, Text(message, "the start was refused"));
                break;
            case (ReleaseReason.Lost, _):
                Charge(edit, job with { Failures = f with { NodeLosses = f.NodeLosses + 1 } }, f.NodeLosses + 1, o.NodeLossBudget,
                    e.Code ?? ErrorCodes.NodeLost, Text(message, "a node was lost"), firstAtOnce: true);
                break;
            case (_, FailureKind.TrainerCrash) when sharedCrash:
                Requeue(edit, job, f.SharedCrashes - 1, Text(message, "the trainer of a shared session crashed; its jobs restart apart"));
                break;
            case (_, FailureKind.TrainerCrash):
                Charge(edit, job with { Failures = f with { Crashes = f.Crashes + 1 }, Avoid = Nodes(placement) }, f.Crashes + 1, o.CrashBudget,
                    e.Code ?? ErrorCodes.TrainerCrashed, Text(message, "the trainer crashed"), firstAtOnce: true);
                break;
            case (_, FailureKind.Configuration):
                Charge(edit, job with { Failures = f with { ConfigurationErrors = f.ConfigurationErrors + 1 }, Avoid = Nodes(placement) },
                    f.ConfigurationErrors + 1, o.ConfigurationBudget, e.Code ?? ErrorCodes.Internal, Text(message, "the set-up failed"));
                break;
            case (_, FailureKind.Transient):
                Charge(edit, job with { Failures = f with { TransientErrors = f.TransientErrors + 1 } }, f.TransientErrors + 1, o.TransientBudget,
                    e.Code ?? ErrorCodes.Unavailable, Text(message, "storage or network were away"));
                break;
            default:
                JobRules.Fail(edit, job with { Failures = f with { UserErrors = f.UserErrors + 1 } }, e.Code ?? ErrorCodes.InvalidSpec, Text(message, "the job is in error"));
                break;
        }
    }

    /// <param name="firstAtOnce">What ended a run by chance, a killed process or machine, will hardly do so again.</param>
    private static void Charge(Edit edit, JobEntry job, int failures, int budget, string code, string why, bool firstAtOnce = false)
    {
        if (failures > budget)
            JobRules.Fail(edit, job, code, $"{why} ({failures} times; {budget} restarts allowed)");
        else
            Requeue(edit, job, firstAtOnce ? failures - 1 : failures, why);
    }

    /// <param name="failures">Length of the backoff: doubled with each; none up to 0.</param>
    private static void Requeue(Edit edit, JobEntry job, int failures, string why)
    {
        edit.PassNeeded = true;
        if (job.Intent == JobIntent.Pause)
        {
            edit.Put(job with { Phase = JobPhase.Paused, NotBefore = 0, LastFailure = why });
            return;
        }
        if (failures <= 0)
        {
            edit.Put(job with { NotBefore = 0, LastFailure = Text(why, job.LastFailure) });
            return;
        }
        var wait = Math.Min(edit.Options.BackoffMaxMs, edit.Options.BackoffBaseMs << Math.Min(failures - 1, 20));
        edit.Put(job with { NotBefore = edit.Now + wait, LastFailure = why });
        edit.Emit(new RetryAtCommand(job.Id, edit.Now + wait, why));
    }

    /// <summary>Takes the job out of its session; the last one out frees the slots.</summary>
    private static void Vacate(Edit edit, JobEntry job, Placement placement, bool crashed)
    {
        if (edit.State.Sessions.GetValueOrDefault(placement.Session) is not { } session)
            return;
        FairShare.Charge(edit, job.Request.Org, placement, session.Members.Count);
        SessionMember[] left = [.. session.Members.Where(m => m.Job != job.Id)];
        edit.PassNeeded = true;
        if (left.Length > 0)
        {
            edit.Put(session with { Members = left });
            return;
        }
        edit.Forget(session);
        edit.SetSlots(session.Slots, null, crashed || session.Condemned ? [] : null);
    }

    private static void PardonNodes(Edit edit, Placement placement)
    {
        foreach (var id in Nodes(placement))
            if (edit.Node(id) is { Strikes.Count: > 0 } node)
                edit.Put(node with { Strikes = [] });
    }

    private static string[] Nodes(Placement placement) => [.. placement.Slots.Select(s => s.Node).Distinct()];

    private static string Text(string message, string otherwise) => message.Length > 0 ? message : otherwise;
}
