using System.Text.Json.Serialization;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Contracts.Training;

/// <summary>
/// The protocol between a node agent and one trainer process: over a Unix socket, each frame a 4-byte little-endian length
/// (at most <see cref="MaxFrameBytes"/>) and one JSON value. The trainer listens; an agent, or its successor, connects and must
/// send <see cref="Hello"/> with the session's token first.
/// </summary>
public static class TrainerProtocol
{
    public const int MaxFrameBytes = 4 << 20;
    public const string SocketName = "trainer.sock";
    public const string SessionFile = "session.json";

    /// <summary>Written by the trainer at its start: <see cref="TrainerIdentity"/>.</summary>
    public const string ProcessFile = "process.json";

    /// <summary>Written by the trainer at an orderly exit: <see cref="TrainerExit"/>.</summary>
    public const string ExitFile = "exit.json";

    /// <summary>In a task's folder: <see cref="TrainerTask"/>.</summary>
    public const string TaskFile = "task.json";

    /// <summary>Beside it: <see cref="TrainerTaskReply"/>.</summary>
    public const string ReplyFile = "reply.json";

    /// <summary>The exit code of a trainer that stopped because nobody renewed its lease.</summary>
    public const int LeaseLostExitCode = 75;

    /// <summary>The exit code of a trainer whose gang lost a worker: no fault of its own, and not of its job.</summary>
    public const int GangBrokenExitCode = 76;
}

/// <summary>Which process a trainer is, so that an agent that did not start it knows it again.</summary>
/// <param name="StartTicks">Field 22 of <c>/proc/PID/stat</c>: tells a process from a later one with the same id.</param>
public sealed record TrainerIdentity(int Pid, long StartTicks);

public sealed record TrainerExit(int Code, string Reason);

/// <summary><c>session.json</c> in the run folder: what a trainer process is started with.</summary>
/// <param name="Token">Secret that an agent must present.</param>
/// <param name="LeaseSeconds">The trainer stops by itself when no <see cref="Lease"/> came for this long, less a margin.</param>
/// <param name="FirstSeq">Number of the first report: above those of an earlier process of the same session.</param>
/// <param name="IdleSeconds">A session without jobs ends after this long.</param>
public sealed record TrainerSession(
    string SessionId,
    string Token,
    BlobAccess Blobs,
    string Device,
    string Precision,
    int Threads,
    double LeaseSeconds,
    long FirstSeq = 1,
    double IdleSeconds = 120);

/// <summary>One job's order to a session: everything the trainer needs, nothing that it must ask for.</summary>
/// <param name="Epoch">The fencing epoch that the job's head already holds.</param>
/// <param name="Model">The resident base; null where the job starts from random weights (<see cref="JobSpec.BaseModelInit"/>).</param>
/// <param name="TokenizerModel">Whose tokenizer files a full-parameter result takes along; null for LoRA.</param>
/// <param name="Gang">Which of several workers the trainer is; null where it trains the job alone.</param>
public sealed record TrainingOrder(
    string JobId,
    int Epoch,
    JobSpec Spec,
    ResolvedJob Resolved,
    ModelManifest? Model,
    ModelManifest? TokenizerModel,
    TokenIndex Train,
    TokenIndex? Validation,
    IReadOnlyList<SourceFile>? InitAdapter,
    GangMembership? Gang = null)
{
    /// <summary>W3C trace context of the job's submission; null where it had none.</summary>
    public string? TraceParent { get; init; }
}

[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Hello), "hello")]
[JsonDerivedType(typeof(Lease), "lease")]
[JsonDerivedType(typeof(Attach), "attach")]
[JsonDerivedType(typeof(Detach), "detach")]
[JsonDerivedType(typeof(Acknowledge), "acknowledge")]
[JsonDerivedType(typeof(Shutdown), "shutdown")]
[JsonDerivedType(typeof(Ask), "ask")]
[JsonDerivedType(typeof(Withdraw), "withdraw")]
public abstract record AgentFrame;

public sealed record Hello(string Token) : AgentFrame;

/// <summary>The session may go on for this long from now. Sent on every successful renewal with the node's grain.</summary>
/// <param name="Deadline">
/// The same moment on the machine's monotonic clock (<see cref="System.Diagnostics.Stopwatch"/> ticks), so that a frame that
/// waited in the socket while the trainer was stopped does not prolong anything.
/// </param>
public sealed record Lease(double Seconds, long? Deadline = null) : AgentFrame;

public sealed record Attach(TrainingOrder Order) : AgentFrame;

/// <summary>Leave the session at the next step boundary; with <paramref name="Checkpoint"/> a commit is made first.</summary>
public sealed record Detach(string JobId, int Epoch, bool Checkpoint, string Reason) : AgentFrame;

/// <summary>Reports up to and including this sequence number are safe with the control plane; the trainer may forget them.</summary>
public sealed record Acknowledge(long Seq) : AgentFrame;

/// <summary>Checkpoint every job and exit.</summary>
public sealed record Shutdown(string Reason) : AgentFrame;

/// <summary>To a resident base: answer the task in <c>task.json</c> of the folder. The reply goes into <c>reply.json</c> there.</summary>
public sealed record Ask(string TaskId, string Folder) : AgentFrame;

/// <summary>Nobody waits for the task's answer any more.</summary>
public sealed record Withdraw(string TaskId) : AgentFrame;

/// <summary>
/// What a trainer tells. Numbered per session without holes and kept until acknowledged, so that a new agent, or a restarted
/// control plane, hears everything that an old one may have missed.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(SessionReady), "session_ready")]
[JsonDerivedType(typeof(JobMeeting), "job_meeting")]
[JsonDerivedType(typeof(JobRecalled), "job_recalled")]
[JsonDerivedType(typeof(JobAttached), "job_attached")]
[JsonDerivedType(typeof(JobSteps), "job_steps")]
[JsonDerivedType(typeof(JobCommitted), "job_committed")]
[JsonDerivedType(typeof(JobFinished), "job_finished")]
[JsonDerivedType(typeof(JobDetached), "job_detached")]
[JsonDerivedType(typeof(JobFailed), "job_failed")]
[JsonDerivedType(typeof(TasksSaid), "tasks_said")]
[JsonDerivedType(typeof(TaskAnswered), "task_answered")]
public abstract record TrainerReport
{
    public long Seq { get; init; }
}

/// <param name="BaseDigest">Digest of the resident base model; null until one is loaded.</param>
public sealed record SessionReady(string SessionId, int Pid, string? BaseDigest) : TrainerReport;

/// <summary>A report that concerns one job, in one of its epochs.</summary>
public abstract record JobReport(string JobId, int Epoch) : TrainerReport;

/// <summary>Worker 0 of a gang has opened the meeting point: the other workers may be started with this address.</summary>
public sealed record JobMeeting(string JobId, int Epoch, string Host, int Port) : JobReport(JobId, Epoch);

/// <summary>
/// Before <see cref="JobAttached"/>: steps and commits up to the checkpoint that the run goes on from, which an earlier trainer may
/// have lost with its life before they were acknowledged. Some may be known already.
/// </summary>
public sealed record JobRecalled(string JobId, int Epoch, IReadOnlyList<StepMetrics> Steps, IReadOnlyList<RecalledCommit> Commits) : JobReport(JobId, Epoch);

/// <param name="Epoch">The attempt that committed it.</param>
public sealed record RecalledCommit(int Epoch, int Step, long SamplesConsumed, string ManifestKey, string AdapterSha256, string OptimizerSha256);

/// <summary>The job steps from here: 0 for a fresh start, else the step it resumed from. <paramref name="Skipped"/> names
/// checkpoints that did not verify.</summary>
public sealed record JobAttached(string JobId, int Epoch, int FromStep, IReadOnlyList<string> Skipped) : JobReport(JobId, Epoch);

/// <summary>At most one a second and job.</summary>
public sealed record JobSteps(string JobId, int Epoch, IReadOnlyList<StepMetrics> Steps) : JobReport(JobId, Epoch);

/// <param name="AdapterSha256">Digest of the canonical adapter bytes (safetensors file) of this checkpoint.</param>
/// <param name="OptimizerSha256">Digest of the optimizer's state.</param>
public sealed record JobCommitted(
    string JobId, int Epoch, int Step, long SamplesConsumed, string ManifestKey, string AdapterSha256, string OptimizerSha256, double Seconds)
    : JobReport(JobId, Epoch);

/// <summary>The last step is committed: the manifest holds the result's files as parts.</summary>
public sealed record JobFinished(string JobId, int Epoch, string ManifestKey, JobResult Result) : JobReport(JobId, Epoch);

/// <summary>The job left on request (pause, preemption, cancel, drain, shutdown).</summary>
/// <param name="CommittedStep">Null where the trainer cannot say: it never held the job, or another one does by now.</param>
public sealed record JobDetached(string JobId, int Epoch, string Reason, int? CommittedStep) : JobReport(JobId, Epoch);

/// <param name="Retryable">Whether another attempt can help (lost lease, storage away), or the input is at fault.</param>
public sealed record JobFailed(string JobId, int Epoch, GridError Error, bool Retryable) : JobReport(JobId, Epoch);

/// <summary>A resident base's tasks have grown. Not numbered, and not repeated.</summary>
public sealed record TasksSaid(IReadOnlyList<TaskPieces> Said) : TrainerReport;

/// <summary>The task's <c>reply.json</c> is there.</summary>
public sealed record TaskAnswered(string TaskId) : TrainerReport;

public sealed record JobResult
{
    public required int Steps { get; init; }

    public required double TrainLoss { get; init; }

    public double? ValidLoss { get; init; }

    /// <summary>Beside the loss, where a classifier was evaluated.</summary>
    public ClassScores? Valid { get; init; }

    /// <summary>Of <c>adapter_model.safetensors</c>, or of <c>model.safetensors</c> after full-parameter training.</summary>
    public required string WeightsSha256 { get; init; }

    public required long TrainableParameters { get; init; }

    public required long TokensSeen { get; init; }

    public required double TrainSeconds { get; init; }
}
