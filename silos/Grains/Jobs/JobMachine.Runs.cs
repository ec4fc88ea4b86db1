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
        edit.Set(s => s with
        {
            Epoch = s.Epoch + 1,
            Placement = new JobPlacement(grant.PlacementId, grant.NodeId, grant.Slot, grant.SessionId, s.Epoch + 1),
        });
        edit.Enter(JobStatus.Starting, $"Starting on {grant.NodeId}, slot {grant.Slot}.",
            new { node = grant.NodeId, slot = grant.Slot, session = grant.SessionId, attempt = edit.State.Epoch });
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
        if (ask.Reason == StopReasons.NodeLost)
        {
            Lose(edit, new Lost(placement.Epoch, placement.SessionId, new GridError(ErrorCodes.NodeLost, $"The node {placement.NodeId} was lost.")));
            return;
        }
        if (placement.StopReason is null)
        {
            if (!edit.State.Status.IsTerminal())
                edit.Enter(JobStatus.Preempting, $"The job gives up its slot: {ask.Reason.Replace('_', ' ')}.");
            BeginStop(edit, placement, ask.Reason, ask.Reason is not (StopReasons.StartTimeout or StopReasons.Cancelled));
            return;
        }
        if (edit.Now - placement.StopAt < policy.StopPatience)
        {
            // Asked again: the first order may have reached the node before the job did.
            if (!edit.State.Outbox.Any(e => e is StopTrainerEffect))
                StopTrainer(edit, placement, placement.StopReason is not (StopReasons.StartTimeout or StopReasons.Cancelled), placement.StopReason);
            return;
        }
        edit.Set(s => s with { Placement = placement with { StopAt = edit.Now } });
        edit.Effect(op => new KillSessionEffect(placement.NodeId, placement.SessionId, $"{edit.State.Id} did not stop") { OperationId = op });
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

    private static void BeginStop(JobEdit edit, JobPlacement placement, string reason, bool checkpoint)
    {
        edit.Set(s => s with { Placement = placement with { StopReason = reason, StopAt = placement.StopAt ?? edit.Now } });
        StopTrainer(edit, placement, checkpoint, reason);
    }

    private static void StopTrainer(JobEdit edit, JobPlacement placement, bool checkpoint, string reason) =>
        edit.Effect(op => new StopTrainerEffect(placement.NodeId, placement.SessionId, placement.Epoch, checkpoint, reason) { OperationId = op });

    private static void Lose(JobEdit edit, Lost lost)
    {
        if (edit.State.Placement is not { } placement || placement.Epoch != lost.Epoch || placement.SessionId != lost.SessionId)
            return;
        if (lost.Reason.Code == ErrorCodes.NodeLost)
        {
            // Nobody saw the trainer end: whatever is left of it must not commit any more. One that its agent saw end is gone,
            // and the next start fences anyway.
            edit.Set(s => s with { Epoch = s.Epoch + 1 });
            edit.Effect(op => new FenceEffect(edit.State.Epoch) { OperationId = op });
            // The stop is for a start that the node has not heard of yet, the kill for a trainer that hears nothing any more.
            StopTrainer(edit, placement, checkpoint: false, StopReasons.NodeLost);
            edit.Effect(op => new KillSessionEffect(placement.NodeId, placement.SessionId, "its node was lost") { OperationId = op });
        }
        // A trainer that had to be ended because the job was to leave: the job has left.
        var asked = placement.StopReason is not null && lost.Reason.Code == ErrorCodes.Unavailable;
        EndRun(edit, placement, asked ? LeftAs(edit.State) : KindOf(lost.Reason), lost.Reason);
    }

    private static void Report(JobEdit edit, Reported input)
    {
        if (edit.State.Placement is not { } placement || placement.SessionId != input.SessionId)
            return;
        switch (input.Report)
        {
            case JobAttached r when r.Epoch == placement.Epoch: Attached(edit, placement, r); break;
            case JobSteps r when r.Epoch == placement.Epoch: Steps(edit, r); break;
            case JobCommitted r when r.Epoch == placement.Epoch: Committed(edit, r); break;
            case JobFinished r when r.Epoch == placement.Epoch: Finished(edit, placement, r); break;
            case JobDetached r when r.Epoch == placement.Epoch: Detached(edit, placement, r); break;
            case JobFailed r when r.Epoch == placement.Epoch: Failed(edit, placement, r); break;
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
            Events = s.Events with { Attempts = [.. s.Events.Attempts, new AttemptStart(report.Epoch, report.FromStep)] },
        });
        if (edit.State.Status.IsTerminal())
            return;
        foreach (var skipped in report.Skipped)
            edit.Event(EventTypes.Warning, "warning", $"A checkpoint did not verify and was skipped: {skipped}");
        if (edit.State.Status == JobStatus.Starting)
            edit.Enter(JobStatus.Running, report.FromStep == 0 ? "Training has started." : $"Training goes on from step {report.FromStep}.");
        edit.Info(EventTypes.Placement, $"Attempt {report.Epoch} runs on {placement.NodeId}, slot {placement.Slot}.",
            new { attempt = report.Epoch, node = placement.NodeId, slot = placement.Slot, session = placement.SessionId, from_step = report.FromStep });
        edit.Effect(op => new StartedEffect(placement.Id, report.Epoch) { OperationId = op });
    }

    private static void Finished(JobEdit edit, JobPlacement placement, JobFinished report)
    {
        edit.Set(s => s with { Placement = null });
        if (edit.State.Status.IsTerminal())
            return;
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

    private static void Detached(JobEdit edit, JobPlacement placement, JobDetached report)
    {
        edit.Set(s => s with { Progress = s.Progress with { CommittedStep = Math.Max(s.Progress.CommittedStep, report.CommittedStep ?? 0) } });
        EndRun(edit, placement, LeftAs(edit.State), null);
    }

    private static void Failed(JobEdit edit, JobPlacement placement, JobFailed report)
    {
        if (report.Retryable || edit.State.Status.IsTerminal())
        {
            EndRun(edit, placement, KindOf(report.Error), report.Error);
            return;
        }
        edit.Set(s => s with { Placement = null });
        FailWith(edit, report.Error);
    }

    /// <summary>The trainer is gone and the job is not finished: it rests, or waits for its next run.</summary>
    private static void EndRun(JobEdit edit, JobPlacement placement, ReleaseKind kind, GridError? error)
    {
        edit.Set(s => s with { Placement = null });
        if (edit.State.Status.IsTerminal())
            return;
        if (error is not null)
            edit.Event(EventTypes.Warning, "warning", $"Attempt {placement.Epoch} ended: {error.Message}", error);
        var step = edit.State.Progress.CommittedStep;
        if (edit.State.Status == JobStatus.Pausing)
            edit.Enter(JobStatus.Paused, $"The job is paused at step {step}.");
        else
            edit.Enter(JobStatus.Queued, $"The job waits for a slot and will go on from step {step}.");
        edit.Release(placement.Id, kind, error);
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
