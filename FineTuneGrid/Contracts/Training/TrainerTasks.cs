using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Contracts.Training;

/// <summary>Short work on a node besides training: completions and evaluation. Run by a one-shot trainer process.</summary>
/// <param name="Adapter">Files of the adapter to apply; null runs the base alone.</param>
public sealed record TrainerTask(
    string TaskId,
    BlobAccess Blobs,
    string Device,
    int Threads,
    ModelManifest Model,
    IReadOnlyList<SourceFile>? Adapter,
    CompletionTask? Completion = null,
    EvaluationTask? Evaluation = null,
    PlanTask? Plan = null);

/// <param name="Prompts">Texts, completed as they are; or, with <paramref name="Chat"/>, user messages for the chat template.</param>
public sealed record CompletionTask(IReadOnlyList<string> Prompts, bool Chat, int MaxTokens, double Temperature, double TopP, long Seed);

/// <summary>Mean loss over the supervised tokens; with <paramref name="ExactMatchRows"/> above 0, also greedy completions compared.</summary>
public sealed record EvaluationTask(TokenIndex Tokens, int ExactMatchRows);

/// <summary>Dry run: the steps and the memory of an order, without a device.</summary>
public sealed record PlanTask(TrainingOrder Order);

public sealed record TrainerTaskReply(
    string TaskId,
    GridError? Error = null,
    IReadOnlyList<Completion>? Completions = null,
    EvaluationReply? Evaluation = null,
    PlanReply? Plan = null);

/// <param name="FinishReason"><c>stop</c> or <c>length</c>.</param>
public sealed record Completion(string Text, int PromptTokens, int CompletionTokens, string FinishReason);

public sealed record EvaluationReply(double Loss, long SupervisedTokens, long Examples, double? ExactMatch, IReadOnlyList<EvaluationSample> Samples);

public sealed record EvaluationSample(string Prompt, string Expected, string Got, bool Match);

/// <param name="Threads">Intra-op threads that pay off, at most those of the order; null where the order's are right.</param>
public sealed record PlanReply(int TotalSteps, long TrainableParameters, long MemoryBytes, int MicroBatchTokens, double EstimatedSeconds, int? Threads = null);
