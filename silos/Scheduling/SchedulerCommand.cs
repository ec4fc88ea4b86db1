using System.Text.Json.Serialization;

namespace FineTuneGrid.Scheduling;

/// <summary>
/// Something the shell must do after the event is durable. Grants, stops and verdicts are repeated until they are answered,
/// so delivering one twice, late or never must do no harm.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(GrantCommand), "grant")]
[JsonDerivedType(typeof(StopCommand), "stop")]
[JsonDerivedType(typeof(RetryAtCommand), "retry_at")]
[JsonDerivedType(typeof(FailCommand), "fail")]
[JsonDerivedType(typeof(QuarantineCommand), "quarantine")]
public abstract record SchedulerCommand;

/// <summary>
/// The job may run on these slots. It takes the next epoch, writes it to its head, starts its trainers and answers
/// <see cref="JobStarted"/>, or answers <see cref="JobReleased"/>.
/// </summary>
/// <param name="Placement">Unique id of the run; a repeated grant carries the same.</param>
/// <param name="Session">The session to join or to start on <paramref name="Slots"/>.</param>
/// <param name="Slots">One per worker, in worker order.</param>
public sealed record GrantCommand(string Job, string Placement, string Session, IReadOnlyList<SlotRef> Slots) : SchedulerCommand
{
    public string BaseDigest { get; init; } = "";
}

/// <summary>Stop the run: checkpoint where there is time, then answer <see cref="JobReleased"/>.</summary>
/// <param name="For">The job that gets the slots, where one was preempted.</param>
public sealed record StopCommand(string Job, string Placement, StopReason Reason, string? For = null) : SchedulerCommand;

/// <summary>For display: the job is retried, not before <paramref name="At"/>.</summary>
public sealed record RetryAtCommand(string Job, long At, string Why) : SchedulerCommand;

/// <summary>A budget is exhausted: the job has failed. Answered by <see cref="JobClosed"/>.</summary>
public sealed record FailCommand(string Job, string Code, string Why) : SchedulerCommand;

/// <summary>For display: a node gets no new jobs until then.</summary>
public sealed record QuarantineCommand(string Node, long Until, string Why) : SchedulerCommand;
