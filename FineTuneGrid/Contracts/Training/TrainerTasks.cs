using System.Text.Json;
using System.Text.Json.Serialization;
using FineTuneGrid.Contracts.Exports;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Contracts.Training;

/// <summary>
/// Work on a node besides jobs: completions, evaluation, plans, replays, exports. Run by a one-shot trainer process, save completions, which
/// a process answers that keeps their base in memory.
/// </summary>
/// <param name="Adapter">Files of the adapter to apply; null runs the base alone.</param>
/// <param name="Org">Who asks: organisations share no process that stays in memory.</param>
public sealed record TrainerTask(
    string TaskId,
    BlobAccess Blobs,
    string Device,
    int Threads,
    ModelManifest Model,
    IReadOnlyList<SourceFile>? Adapter,
    CompletionTask? Completion = null,
    EvaluationTask? Evaluation = null,
    PlanTask? Plan = null,
    VerificationTask? Verification = null,
    ExportTask? Export = null,
    ClassificationTask? Classification = null,
    string Org = "");

/// <param name="Prompts">Texts, completed as they are; or, with <paramref name="Chat"/>, user messages for the chat template.</param>
/// <param name="TopK">0: all tokens may be sampled.</param>
/// <param name="Stop">Texts that end a completion; neither they nor what follows is part of it.</param>
/// <param name="PromptTokens">Prompts as token ids, taken as they are, instead of texts.</param>
/// <param name="Echo">Whether the completion begins with its prompt; only then may <paramref name="MaxTokens"/> be 0.</param>
/// <param name="Logprobs">Also say each token's log-probability, and those of so many of the likeliest in its place. Null: do not.</param>
/// <param name="Messages">A JSON list of {role, content, ...}: a conversation for the chat template, the only prompt then.</param>
/// <param name="N">Completions of each prompt. Those of the first prompt come first.</param>
/// <param name="Stream">Whether the completions are told piece by piece as well, as <see cref="CompletionPiece"/>s.</param>
public sealed record CompletionTask(
    IReadOnlyList<string> Prompts,
    bool Chat,
    int MaxTokens,
    double Temperature,
    double TopP,
    long Seed,
    int TopK = 0,
    IReadOnlyList<string>? Stop = null,
    IReadOnlyList<IReadOnlyList<int>>? PromptTokens = null,
    bool Echo = false,
    int? Logprobs = null,
    JsonElement? Messages = null,
    int N = 1,
    bool Stream = false)
{
    /// <summary>Completions that the reply holds.</summary>
    [JsonIgnore]
    public int Choices => N * (Messages is not null ? 1 : PromptTokens?.Count ?? Prompts.Count);
}

/// <summary>
/// What a completion has grown by. Pieces are previews: some may get lost, which shows in where the next one begins; the reply has the whole
/// text, which begins with all that was told.
/// </summary>
/// <param name="Index">Of the completion in the reply.</param>
/// <param name="At">Where the text begins in the completion's, in UTF-16 units. No piece ends within a character.</param>
/// <param name="Token">Number of the first token of the log-probabilities in the completion's own lists.</param>
public sealed record CompletionPiece(int Index, int At, string Text, int Token = 0, CompletionLogprobs? Logprobs = null);

/// <summary>What a task has told since the last time.</summary>
public sealed record TaskPieces(string TaskId, IReadOnlyList<CompletionPiece> Pieces);

/// <summary>Texts to classify.</summary>
public sealed record ClassificationTask(IReadOnlyList<TextInput> Inputs);

/// <param name="Pair">The second text, for models that were trained on pairs; null for one text.</param>
public sealed record TextInput(string Text, string? Pair = null);

/// <param name="Label">The likeliest class.</param>
/// <param name="Probabilities">Of every class, by its id.</param>
public sealed record Classification(string Label, IReadOnlyList<double> Probabilities, int Tokens);

/// <summary>Mean loss over the supervised tokens; with <paramref name="ExactMatchRows"/> above 0, also greedy completions compared.</summary>
public sealed record EvaluationTask(TokenIndex Tokens, int ExactMatchRows);

/// <summary>Dry run: the steps and the memory of an order, without a device.</summary>
/// <param name="SlotMemoryBytes">What the job must fit into; null where its spec says what it takes.</param>
public sealed record PlanTask(TrainingOrder Order, long? SlotMemoryBytes = null);

/// <summary>Trains a job's steps between two of its checkpoints again, commits nothing, and compares with what was committed.</summary>
/// <param name="FromManifest">Key of the checkpoint's manifest to go on from.</param>
/// <param name="ToManifest">Key of a later one's, to end at.</param>
public sealed record VerificationTask(TrainingOrder Order, string FromManifest, string ToManifest);

/// <summary>Writes the model, or with an adapter that one, in another format, measures what was written, and stores it.</summary>
/// <param name="Format">Of <see cref="ExportFormats"/>.</param>
/// <param name="Dtype">Of the matrices, for GGUF: f32, f16 or bf16; null: as they are stored.</param>
/// <param name="Subject">Name of the model, or <c>org/name@version</c>.</param>
/// <param name="Prefix">Where the files go; ends with a slash.</param>
/// <param name="Text">A tokenised data set to measure on; null: a text of the program's own.</param>
public sealed record ExportTask(string Format, string? Dtype, string Subject, string Prefix, TokenIndex? Text = null, string? TextName = null);

public sealed record TrainerTaskReply(
    string TaskId,
    GridError? Error = null,
    IReadOnlyList<Completion>? Completions = null,
    EvaluationReply? Evaluation = null,
    PlanReply? Plan = null,
    ResumeVerification? Verification = null,
    ExportRecord? Export = null,
    IReadOnlyList<Classification>? Classifications = null);

/// <param name="FinishReason"><c>stop</c> or <c>length</c>.</param>
public sealed record Completion(string Text, int PromptTokens, int CompletionTokens, string FinishReason, CompletionLogprobs? Logprobs = null);

/// <summary>One entry a token in every list, in the shape of OpenAI's completions.</summary>
/// <param name="TokenLogprobs">Null for a prompt's first token.</param>
/// <param name="TopLogprobs">The likeliest tokens, and the token itself; null where none were asked for.</param>
/// <param name="TextOffset">Where the token's text begins, in code points of the completion's text.</param>
public sealed record CompletionLogprobs(
    IReadOnlyList<string> Tokens,
    IReadOnlyList<double?> TokenLogprobs,
    IReadOnlyList<IReadOnlyDictionary<string, double>?>? TopLogprobs,
    IReadOnlyList<int> TextOffset);

public sealed record EvaluationReply(double Loss, long SupervisedTokens, long Examples, double? ExactMatch, IReadOnlyList<EvaluationSample> Samples)
{
    /// <summary>Of a classifier, whose loss is a mean over examples.</summary>
    public ClassScores? Classes { get; init; }
}

public sealed record EvaluationSample(string Prompt, string Expected, string Got, bool Match);

/// <param name="MemoryBytes">At the peak, all together.</param>
/// <param name="WeightBytes">Of them, a frozen base that other jobs of the session share; null where an older build planned.</param>
/// <param name="Threads">Intra-op threads that pay off, at most those of the order; null where the order's are right.</param>
public sealed record PlanReply(int TotalSteps, long TrainableParameters, long MemoryBytes, int MicroBatchTokens, double EstimatedSeconds, int? Threads = null, long? WeightBytes = null);

/// <summary>Whether a job that goes on from a checkpoint makes the bytes that it made before.</summary>
/// <param name="AdapterSha256">Of the trained weights' file.</param>
/// <param name="Differs">Names of the checkpoint's parts that are not the same; empty where the replay is identical.</param>
/// <param name="Note">Why different bytes may be no fault: another build or hardware than the job's, or fast mode. Null where nothing excuses them.</param>
public sealed record ResumeVerification(
    string Job,
    int FromStep,
    int ToStep,
    DigestPair AdapterSha256,
    DigestPair OptimizerSha256,
    bool Identical,
    IReadOnlyList<string> Differs,
    double Seconds,
    string? Note = null);

/// <param name="Expected">As committed.</param>
/// <param name="Actual">As trained again.</param>
public sealed record DigestPair(string Expected, string Actual);
