namespace FineTuneGrid.Scheduling;

/// <summary>The result of one step.</summary>
public readonly record struct StepResult(SchedulerState State, IReadOnlyList<SchedulerCommand> Commands);

/// <summary>
/// The scheduler: a pure function from a state and an event to the next state and the commands that follow from it.
/// It has no clock, no randomness and no I/O; the same events at the same times give the same states and commands.
/// </summary>
/// <remarks>
/// The shell makes the event durable before it carries out the commands. An event that does not apply (an unknown job, a
/// placement that is over, an old incarnation) changes nothing, so events may arrive twice and late.
/// </remarks>
public static class Scheduler
{
    /// <param name="now">Milliseconds on the shell's clock; an earlier time than the last is taken as the last.</param>
    public static StepResult Step(SchedulerState state, SchedulerEvent @event, long now)
    {
        var edit = new Edit(state.Now >= now ? state : state with { Now = now });
        Apply(edit, @event);
        if (edit.PassNeeded)
            PlacementPass.Run(edit);
        return new(edit.State, edit.Commands);
    }

    /// <summary>Why a job waits, most binding reason first; empty only for a job that runs.</summary>
    public static IReadOnlyList<WaitReason> Explain(SchedulerState state, string jobId) => Explainer.Explain(state, jobId);

    private static void Apply(Edit edit, SchedulerEvent @event)
    {
        switch (@event)
        {
            case NodeRegistered e: NodeRules.Register(edit, e); break;
            case NodeLeaseRenewed e: NodeRules.Renew(edit, e); break;
            case NodeDrain e: NodeRules.Drain(edit, e); break;
            case NodeUndrain e: NodeRules.Undrain(edit, e); break;
            case NodeRemoved e: NodeRules.Remove(edit, e); break;
            case JobQueued e: JobRules.Queue(edit, e); break;
            case JobRecovered e: JobRules.Recover(edit, e); break;
            case JobStarted e: JobRules.Started(edit, e); break;
            case JobProgress e: JobRules.Progress(edit, e); break;
            case JobReleased e: ReleaseRules.Released(edit, e); break;
            case JobCancelled e: JobRules.Cancel(edit, e); break;
            case JobPaused e: JobRules.Pause(edit, e); break;
            case JobResumed e: JobRules.Resume(edit, e); break;
            case JobClosed e: ReleaseRules.Closed(edit, e); break;
            case PriorityChanged e: JobRules.ChangePriority(edit, e); break;
            case OrgPolicyChanged e: PolicyRules.Org(edit, e); break;
            case QueuePolicyChanged e: PolicyRules.Queue(edit, e); break;
            case OptionsChanged e: PolicyRules.Options(edit, e); break;
            case Tick: TickRules.Tick(edit); break;
            default: throw new ArgumentException($"The scheduler does not know events of type {@event.GetType().Name}.", nameof(@event));
        }
    }
}
