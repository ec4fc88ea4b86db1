using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>What others get to see of a job's state.</summary>
public static class JobViews
{
    public static JobView View(JobState state, WaitReason? waiting = null) => new()
    {
        Id = state.Id,
        Name = state.Submission.Spec.Name,
        Org = state.Submission.Org,
        Status = state.Status,
        Adapter = state.Submission.Spec.Adapter,
        AdapterVersion = state.AdapterVersion,
        Spec = state.Submission.Spec,
        Resolved = state.Plan?.Resolved,
        Progress = state.Progress,
        Waiting = waiting,
        Error = state.Error,
        Attempt = state.Attempts,
        Node = state.Placement?.NodeId,
        Workers = state.Placement is { } run ? [.. Enumerable.Range(0, run.Size).Select(rank => new JobWorkerView(rank, run.NodeOf(rank), run.SlotOf(rank)))] : null,
        CreatedAt = state.CreatedAt,
        StartedAt = state.StartedAt,
        FinishedAt = state.FinishedAt,
        TrainedTokens = state.Result?.TokensSeen,
        OpenAi = state.Submission.OpenAi,
    };

    public static JobStanding Standing(JobState state) => new(
        state.Live,
        state.Plan is null || state.Status.IsTerminal() || state.Status == JobStatus.Publishing ? null : Request(state),
        state.Status is JobStatus.Paused or JobStatus.Pausing,
        state.Placement is { } p ? GrantOf(p) : null,
        state.Epoch,
        state.Placement?.Attached ?? false,
        Remaining(state),
        state.Progress.CommittedStep,
        state.LastGrant,
        SessionsOf(state),
        state.Placement is { End: not null });

    public static double Remaining(JobState state) => state.Progress.EtaSeconds ?? state.Plan?.Resolved.EstimatedSeconds ?? 0;

    public static QueuedJob Request(JobState state)
    {
        var (spec, plan) = (state.Submission.Spec, state.Plan!);
        var resolved = plan.Resolved;
        var baseBytes = resolved.WeightBytes ?? plan.Model?.Bytes ?? 0;
        // Only frozen bases are shared: a job that changes its weights, or makes them, has its session to itself; so has a gang.
        var key = spec.Method.IsFull || plan.Model is null || spec.Resources.Workers > 1 ? "" : $"{plan.Model.Digest}|{resolved.Device}|{resolved.Precision}|{resolved.Mode}|{resolved.Threads}{(spec.Method.IsNf4 ? "|nf4" : "")}{(spec.Objective.IsClassification ? "|classes" : "")}";
        return new QueuedJob(
            state.Id, state.Submission.Org, spec.Resources.Queue, spec.Resources.Priority, spec.Resources.Preemptible, spec.Resources.Workers,
            resolved.Device, Math.Max(0, resolved.MemoryBytes - baseBytes), baseBytes, key, plan.Model?.Digest, Remaining(state), state.CreatedAt,
            resolved.Mode == "exact" ? resolved.Hardware : null, spec.Resources.MinWorkers ?? 0);
    }

    public static TrainingOrder Order(JobState state)
    {
        var plan = state.Plan!;
        return new TrainingOrder(
            state.Id, state.Epoch, state.Submission.Spec, plan.Resolved, plan.Model,
            state.Submission.Spec.Method.IsFull ? plan.TokenizerModel : null, plan.Train, plan.Validation, plan.InitAdapter)
        {
            TraceParent = state.Submission.TraceParent,
        };
    }

    /// <summary>What a gang's worker gets; a lone worker gets the plain order.</summary>
    public static TrainingOrder WorkerOrder(JobState state, JobPlacement placement, int rank) => placement.Size == 1
        ? Order(state)
        : Order(state) with { Gang = new GangMembership(rank, placement.Size, rank == 0 ? null : placement.Meeting) };

    private static PlacementGrant GrantOf(JobPlacement p) =>
        new(p.Id, p.NodeId, p.Slot, p.SessionId, p.Peers?.Select(w => new WorkerSlot(w.NodeId, w.Slot)).ToArray());

    /// <summary>A start that is still in the outbox has not been given to any machine.</summary>
    private static PlacedSession[]? SessionsOf(JobState state) => state.Placement is not { } p
        ? null
        : [
            .. from rank in p.Present
               where !state.Outbox.Any(e => e is StartWorkerEffect start && start.Rank == rank)
               select new PlacedSession(p.NodeOf(rank), p.SessionOf(rank)),
        ];
}
