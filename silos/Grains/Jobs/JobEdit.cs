using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>One decision in progress: the next state, with its events and effects.</summary>
internal sealed class JobEdit(JobState state, DateTimeOffset now)
{
    public JobState State { get; private set; } = state;

    public DateTimeOffset Now => now;

    public void Set(Func<JobState, JobState> change) => State = change(State);

    public void Event(string type, string level, string message, object? data = null)
    {
        var log = State.Events;
        var entry = new JobEvent(log.Last + 1, now, type, level, message, data is null ? null : JsonSerializer.SerializeToElement(data, GridJson.Options));
        State = State with { Events = log with { Last = entry.Seq, Tail = [.. log.Tail, entry] } };
    }

    public void Info(string type, string message, object? data = null) => Event(type, "info", message, data);

    public void Effect(Func<string, JobEffect> make)
    {
        var id = $"{State.Id}-{State.NextOperation}";
        State = State with { NextOperation = State.NextOperation + 1, Outbox = [.. State.Outbox, make(id)] };
    }

    public void Drop(Func<JobEffect, bool> which) =>
        State = State.Outbox.Any(which) ? State with { Outbox = [.. State.Outbox.Where(e => !which(e))] } : State;

    public void Release(string placement, ReleaseKind kind, GridError? error = null)
    {
        if (State.Outbox.OfType<ReleaseEffect>().Any(e => e.Release.PlacementId == placement))
            return;
        var release = new PlacementRelease(State.Id, placement, kind, error?.Code, error?.Message);
        Effect(id => new ReleaseEffect(release) { OperationId = id });
    }

    /// <summary>Enters a state and says so in the event log.</summary>
    public void Enter(JobStatus status, string message, object? data = null)
    {
        if (State.Status == status)
            return;
        State = State with { Status = status, FinishedAt = status.IsTerminal() ? now : State.FinishedAt };
        Event(EventTypes.State, status == JobStatus.Failed ? "error" : "info", message, Merge(status, data));
    }

    /// <summary>What is owed to others once the job is terminal and holds no slot: said once, since the outbox repeats it until it is done.</summary>
    public void Settle()
    {
        if (!State.Status.IsTerminal() || State.Placement is not null || State.Settled)
            return;
        State = State with { Settled = true };
        if (State.Plan is not null)
            Effect(id => new UseEffect(false) { OperationId = id });
        Effect(id => new CloseEffect { OperationId = id });
        Effect(id => new AnnounceEffect { OperationId = id });
    }

    private static Dictionary<string, object?> Merge(JobStatus status, object? data) =>
        data is null ? new() { ["status"] = status } : new() { ["status"] = status, ["detail"] = data };
}
