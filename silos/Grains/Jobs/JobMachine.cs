using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>
/// The life of a job as a pure function: a state and an input give the next state, whose outbox says what must be done. It
/// has no clock and no I/O. Inputs may arrive twice and late; one that does not apply returns the same instance.
/// </summary>
public static partial class JobMachine
{
    public static JobState Create(string id, JobSubmission submission, DateTimeOffset now)
    {
        var edit = new JobEdit(new JobState { Id = id, Submission = submission, Status = JobStatus.Validating, CreatedAt = now }, now);
        edit.Info(EventTypes.State, "The job was accepted and is being validated.", new { status = JobStatus.Validating });
        edit.Effect(op => new ResolveEffect { OperationId = op });
        return edit.State;
    }

    /// <exception cref="GridException">conflict: the job's state does not allow what its owner asks.</exception>
    public static JobState Decide(JobState state, JobInput input, JobPolicy policy, DateTimeOffset now)
    {
        var edit = new JobEdit(state, now);
        switch (input)
        {
            case CancelAsked: Cancel(edit); break;
            case PauseAsked: Pause(edit); break;
            case ResumeAsked: Resume(edit); break;
            case Resolved i: Accept(edit, i.Plan); break;
            case ResolveFailed i: Refuse(edit, i.Error); break;
            case Granted i: Grant(edit, i.Grant); break;
            case Reported i: Report(edit, i); break;
            case Lost i: Lose(edit, i); break;
            case StopAsked i: Stop(edit, i, policy); break;
            case Condemned i: Condemn(edit, i.Error); break;
            case Published i: Publish(edit, i.Version); break;
            case PublishRefused i: RefusePublication(edit, i.Error); break;
            case EffectDone i: edit.Drop(e => e.OperationId == i.OperationId); break;
            default: throw new ArgumentException($"A job does not know inputs of type {input.GetType().Name}.", nameof(input));
        }
        edit.Settle();
        return edit.State;
    }

    private static void Cancel(JobEdit edit)
    {
        var state = edit.State;
        if (state.Status == JobStatus.Cancelled)
            return;
        if (state.Status == JobStatus.Publishing)
            throw new GridException(ErrorCodes.Conflict, "The job has finished and its adapter is being registered; delete that version instead of cancelling.");
        RequireOpen(state, "cancelled");
        edit.Drop(e => e is ResolveEffect);
        edit.Enter(JobStatus.Cancelled, "The job was cancelled. Its committed checkpoints and its logs are kept.");
        if (state.Placement is not { } placement)
            return;
        edit.Set(s => s with { Epoch = s.Epoch + 1, Placement = placement with { StopReason = StopReasons.Cancelled, StopAt = edit.Now } });
        edit.Effect(op => new FenceEffect(edit.State.Epoch) { OperationId = op });
        edit.Effect(op => new CancelEffect { OperationId = op });
        StopTrainers(edit, placement, StopReasons.Cancelled);
    }

    private static void Pause(JobEdit edit)
    {
        var state = edit.State;
        RequireOpen(state, "paused");
        switch (state.Status)
        {
            case JobStatus.Validating:
                edit.Enter(JobStatus.Paused, "The job is paused; its validation goes on.");
                break;
            case JobStatus.Queued:
                edit.Enter(JobStatus.Paused, "The job is paused.");
                edit.Effect(op => new PauseEffect(true) { OperationId = op });
                break;
            case JobStatus.Starting or JobStatus.Running or JobStatus.Preempting:
                edit.Enter(JobStatus.Pausing, "The job pauses after a checkpoint at the next step.");
                edit.Effect(op => new PauseEffect(true) { OperationId = op });
                if (state.Placement is { } placement)
                    BeginStop(edit, placement, StopReasons.Paused);
                break;
        }
    }

    private static void Resume(JobEdit edit)
    {
        var state = edit.State;
        RequireOpen(state, "resumed");
        switch (state.Status)
        {
            case JobStatus.Paused when state.Plan is null:
                edit.Enter(JobStatus.Validating, "The job was resumed; its validation goes on.");
                break;
            case JobStatus.Paused:
                edit.Enter(JobStatus.Queued, "The job was resumed and waits for a slot.");
                edit.Effect(op => new EnqueueEffect { OperationId = op });
                edit.Effect(op => new PauseEffect(false) { OperationId = op });
                break;
            case JobStatus.Pausing:
                edit.Enter(JobStatus.Preempting, "The job was resumed; it goes on once its checkpoint is committed.");
                edit.Effect(op => new PauseEffect(false) { OperationId = op });
                break;
        }
    }

    private static void Accept(JobEdit edit, JobPlan plan)
    {
        if (!edit.State.Outbox.Any(e => e is ResolveEffect))
            return;
        edit.Drop(e => e is ResolveEffect);
        edit.Set(s => s with { Plan = plan, Progress = s.Progress with { TotalSteps = plan.Resolved.TotalSteps } });
        edit.Info(EventTypes.State,
            $"Validated: {plan.Resolved.TotalSteps} steps over {plan.Resolved.TrainExamples} examples, {plan.Resolved.TrainableParameters} trainable parameters.");
        edit.Effect(op => new UseEffect(true) { OperationId = op });
        if (edit.State.Status != JobStatus.Validating)
            return;
        edit.Enter(JobStatus.Queued, "The job waits for a slot.");
        edit.Effect(op => new EnqueueEffect { OperationId = op });
    }

    private static void Refuse(JobEdit edit, GridError error)
    {
        if (!edit.State.Outbox.Any(e => e is ResolveEffect))
            return;
        edit.Drop(e => e is ResolveEffect);
        FailWith(edit, error);
    }

    private static void Publish(JobEdit edit, string version)
    {
        if (edit.State.Status != JobStatus.Publishing)
            return;
        edit.Drop(e => e is PublishEffect);
        edit.Set(s => s with { AdapterVersion = version });
        edit.Enter(JobStatus.Succeeded, $"Registered as {edit.State.Submission.Spec.Adapter}@{version}.", new { adapter = edit.State.Submission.Spec.Adapter, version });
    }

    private static void RefusePublication(JobEdit edit, GridError error)
    {
        if (edit.State.Status != JobStatus.Publishing)
            return;
        edit.Drop(e => e is PublishEffect);
        FailWith(edit, error);
    }

    private static void Condemn(JobEdit edit, GridError error)
    {
        if (edit.State.Status == JobStatus.Publishing)
            return;
        if (edit.State.Status.IsTerminal())
        {
            // A verdict on a job that ended meanwhile only asks for the answer that the pool has missed.
            if (edit.State.Settled && !edit.State.Outbox.Any(e => e is CloseEffect))
                edit.Effect(op => new CloseEffect { OperationId = op });
            return;
        }
        FailWith(edit, error);
        if (edit.State.Placement is { } placement)
            BeginStop(edit, placement, StopReasons.Cancelled);
    }

    private static void FailWith(JobEdit edit, GridError error)
    {
        edit.Set(s => s with { Error = error });
        edit.Enter(JobStatus.Failed, $"The job failed: {error.Message}", error);
    }

    private static void RequireOpen(JobState state, string what)
    {
        if (state.Status.IsTerminal())
            throw new GridException(ErrorCodes.Conflict, $"The job has ended ({state.Status.ToString().ToLowerInvariant()}) and cannot be {what}; submit a new one.");
    }
}

/// <summary>What the machine needs to know of the configuration.</summary>
/// <param name="StopPatience">How long a trainer may take to leave before its session is killed.</param>
public sealed record JobPolicy(TimeSpan StopPatience);
