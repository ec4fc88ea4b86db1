using System.Globalization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>Placements: how runs begin, are told to stop, and end.</summary>
public static partial class JobMachine
{
    /// <summary>Whether the grant holds after the decision: the job's trainer may be started under the present epoch.</summary>
    public static bool MayStart(JobState state, PlacementGrant grant) =>
        state.Placement is { StopReason: null } placement && placement.Id == grant.PlacementId && state.Status is JobStatus.Starting or JobStatus.Running
        && placement.Epoch == state.Epoch;

    private static void Grant(JobEdit edit, PlacementGrant grant)
    {
        var over = NumberOf(grant.PlacementId) is > 0 and var number && number <= edit.State.LastGrant;
        Remember(edit, grant.PlacementId);
        if (over || edit.State is not { Status: JobStatus.Queued, Placement: null, Plan: not null })
            return;
        var placement = new JobPlacement(grant.PlacementId, grant.NodeId, grant.Slot, grant.SessionId, edit.State.Epoch + 1)
        {
            GrantedAt = edit.Now,
            Peers = grant.Others is { Count: > 0 } others ? [.. others.Select(o => new JobPeer(o.NodeId, o.Slot))] : null,
        };
        edit.Set(s => s with { Epoch = placement.Epoch, Placement = placement });
        var workers = placement.Size == 1 ? "" : $" with {placement.Size} workers";
        edit.Enter(JobStatus.Starting, $"Starting{workers} on {placement.Places()}.",
            new { node = grant.NodeId, slot = grant.Slot, session = grant.SessionId, attempt = edit.State.Epoch, workers = placement.Size });
    }

    private static void Stop(JobEdit edit, StopAsked ask, JobPolicy policy)
    {
        if (edit.State.Placement is not { } placement || placement.Id != ask.PlacementId)
        {
            // The pool missed the answer to a run that is over, or the grant itself is still on its way and must find that it is.
            Remember(edit, ask.PlacementId);
            edit.Release(ask.PlacementId, ReleaseKind.Preempted);
            return;
        }
        if (LoseNodes(edit, placement, ask))
            return;
        placement = edit.State.Placement!;
        if (placement.StopReason is null)
        {
            if (!edit.State.Status.IsTerminal())
                edit.Enter(JobStatus.Preempting, $"The job gives up its {(placement.Size == 1 ? "slot" : "slots")}: {ask.Reason.Replace('_', ' ')}.");
            BeginStop(edit, placement, ask.Reason);
            return;
        }
        if (edit.Now - placement.StopAt < policy.StopPatience)
        {
            // Asked again: the first order may have reached the node before the job did.
            if (!edit.State.Outbox.Any(e => e is StopTrainerEffect))
                StopTrainers(edit, placement, placement.StopReason);
            return;
        }
        edit.Set(s => s with { Placement = placement with { StopAt = edit.Now } });
        foreach (var rank in placement.Present)
            Kill(edit, placement, rank, $"{edit.State.Id} did not stop");
    }

    /// <summary>Every grant up to a placement that the job has taken, refused or been told to stop is over.</summary>
    private static void Remember(JobEdit edit, string placement)
    {
        if (edit.State.Status != JobStatus.Publishing && !edit.State.Status.IsTerminal() && NumberOf(placement) is var number && number > edit.State.LastGrant)
            edit.Set(s => s with { LastGrant = number });
    }

    /// <summary>Placements are numbered upwards: <c>p17</c>. 0 where the id has no number.</summary>
    private static long NumberOf(string placement) =>
        placement.Length > 1 && long.TryParse(placement.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static void BeginStop(JobEdit edit, JobPlacement placement, string reason)
    {
        edit.Set(s => s with { Placement = placement with { StopReason = reason, StopAt = placement.StopAt ?? edit.Now } });
        StopTrainers(edit, placement, reason);
    }

    private static void Lose(JobEdit edit, Lost lost)
    {
        if (edit.State.Placement is not { } placement || placement.Epoch != lost.Epoch || placement.RankOf(lost.SessionId) is not { } rank || placement.IsGone(rank))
            return;
        // A trainer that had to be ended, or lost the others, because the job was to leave: the job has left.
        var asked = placement.StopReason is not null && lost.Reason.Code is ErrorCodes.Unavailable or ErrorCodes.GangBroken;
        Leave(edit, placement, rank, asked ? new RunEnd(Error: lost.Reason) : new RunEnd(KindOf(lost.Reason), lost.Reason));
    }

    private static void Report(JobEdit edit, Reported input)
    {
        if (edit.State.Placement is not { } placement || placement.RankOf(input.SessionId) is not { } rank || placement.IsGone(rank))
            return;
        if (input.Report is not JobReport report || report.Epoch != placement.Epoch)
            return;
        switch (report)
        {
            case JobMeeting r when rank == 0: Meet(edit, placement, r); break;
            case JobRecalled r when rank == 0: Recalled(edit, r); break;
            case JobAttached r when rank == 0: Attached(edit, placement, r); break;
            case JobSteps r when rank == 0: Steps(edit, r); break;
            case JobCommitted r when rank == 0: Committed(edit, r); break;
            case JobFinished r: Leave(edit, placement, rank, new RunEnd(Finished: rank == 0 ? r : null)); break;
            case JobDetached r: Detached(edit, placement, rank, r); break;
            case JobFailed r: Failed(edit, placement, rank, r); break;
        }
    }

    private static void Attached(JobEdit edit, JobPlacement placement, JobAttached report)
    {
        if (placement.Attached)
            return;
        edit.Set(s => s with
        {
            Placement = placement with { Attached = true },
            Attempts = s.Attempts + 1,
            StartedAt = s.StartedAt ?? edit.Now,
            Progress = s.Progress with { Step = report.FromStep, CommittedStep = report.FromStep },
            StepSeconds = null,
            ReloadSeconds = placement.GrantedAt is { } granted ? Math.Max(0, (edit.Now - granted).TotalSeconds) : s.ReloadSeconds,
            Events = s.Events with { Attempts = [.. s.Events.Attempts, new AttemptStart(report.Epoch, report.FromStep)] },
        });
        if (edit.State.Status.IsTerminal())
            return;
        foreach (var skipped in report.Skipped)
            edit.Event(EventTypes.Warning, "warning", $"A checkpoint did not verify and was skipped: {skipped}");
        if (edit.State.Status == JobStatus.Starting)
            edit.Enter(JobStatus.Running, report.FromStep == 0 ? "Training has started." : $"Training goes on from step {report.FromStep}.");
        edit.Info(EventTypes.Placement, $"Attempt {report.Epoch} runs on {placement.Places()}.", new
        {
            attempt = report.Epoch,
            node = placement.NodeId,
            slot = placement.Slot,
            session = placement.SessionId,
            from_step = report.FromStep,
            workers = placement.Size,
        });
        edit.Effect(op => new StartedEffect(placement.Id, report.Epoch) { OperationId = op });
    }

    private static void Finished(JobEdit edit, JobPlacement placement, JobFinished report)
    {
        edit.Set(s => s with
        {
            Result = report.Result,
            ResultManifest = report.ManifestKey,
            Progress = s.Progress with
            {
                Step = report.Result.Steps,
                CommittedStep = report.Result.Steps,
                TrainLoss = report.Result.TrainLoss,
                ValidLoss = report.Result.ValidLoss ?? s.Progress.ValidLoss,
                Valid = report.Result.Valid ?? s.Progress.Valid,
                EtaSeconds = 0,
            },
        });
        edit.Release(placement.Id, ReleaseKind.Finished);
        if (Gates.Check(edit.State.Submission.Spec.Evaluation.Gates, report.Result) is { } failed)
        {
            FailWith(edit, failed);
            return;
        }
        edit.Enter(JobStatus.Publishing, "Training has finished; the result is being registered.", new { weights_sha256 = report.Result.WeightsSha256 });
        edit.Effect(op => new PublishEffect { OperationId = op });
    }

    private static void Detached(JobEdit edit, JobPlacement placement, int rank, JobDetached report)
    {
        if (rank == 0)
            edit.Set(s => s with { Progress = s.Progress with { CommittedStep = Math.Max(s.Progress.CommittedStep, report.CommittedStep ?? 0) } });
        Leave(edit, placement, rank, new RunEnd());
    }

    private static void Failed(JobEdit edit, JobPlacement placement, int rank, JobFailed report)
    {
        if (!report.Retryable && !edit.State.Status.IsTerminal())
            FailWith(edit, report.Error);
        var asked = placement.StopReason is not null && report.Error.Code == ErrorCodes.GangBroken;
        Leave(edit, placement, rank, new RunEnd(asked ? null : KindOf(report.Error), report.Error));
    }

    /// <summary>All workers are gone: the job is finished, or it rests, or waits for its next run.</summary>
    private static void EndRun(JobEdit edit, JobPlacement placement, RunEnd end)
    {
        edit.Set(s => s with { Placement = null });
        if (edit.State.Status.IsTerminal())
            return;
        if (end.Finished is { } finished)
        {
            Finished(edit, placement, finished);
            return;
        }
        if (end.Error is { } error)
            edit.Event(EventTypes.Warning, "warning", $"Attempt {placement.Epoch} ended: {error.Message}", error);
        var kind = end.Kind ?? LeftAs(edit.State);
        var step = edit.State.Progress.CommittedStep;
        if (edit.State.Status == JobStatus.Pausing)
            edit.Enter(JobStatus.Paused, $"The job is paused at step {step}.");
        else
            edit.Enter(JobStatus.Queued, $"The job waits for {(placement.Size == 1 ? "a slot" : "slots")} and will go on from step {step}.");
        edit.Release(placement.Id, kind, end.Error);
    }

    private static ReleaseKind LeftAs(JobState state) => state.Status == JobStatus.Pausing ? ReleaseKind.Paused : ReleaseKind.Preempted;

    private static ReleaseKind KindOf(GridError error) => error.Code switch
    {
        ErrorCodes.NodeLost or ErrorCodes.LeaseLost or ErrorCodes.Fenced => ReleaseKind.NodeLost,
        ErrorCodes.TrainerCrashed => ReleaseKind.TrainerCrash,
        ErrorCodes.OutOfMemory => ReleaseKind.Configuration,
        _ => ReleaseKind.Transient,
    };
}
