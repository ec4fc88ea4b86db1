using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>OpenAI's <c>fine_tuning.job</c>. What is null is written: its clients expect every member.</summary>
/// <param name="Error">Null unless the job failed.</param>
/// <param name="Method">The method's type, and below its name hyperparameters and this grid's settings.</param>
/// <param name="Grid">This grid's own view, which clients that know only OpenAI's overlook.</param>
internal sealed record FineTuningJob(
    string Id, string Object, long CreatedAt, FineTuningError? Error, string? FineTunedModel, long? FinishedAt, JsonObject Hyperparameters, string Model,
    string OrganizationId, IReadOnlyList<string> ResultFiles, long Seed, string Status, long? TrainedTokens, string TrainingFile, string? ValidationFile,
    long? EstimatedFinish, IReadOnlyList<string> Integrations, IReadOnlyDictionary<string, string>? Metadata, JsonObject Method, GridJob Grid);

internal sealed record FineTuningError(string Code, string Message, string? Param);

/// <param name="Id">For the native API.</param>
/// <param name="Status">In the grid's own words, of which OpenAI's enumeration has fewer.</param>
/// <param name="Adapter"><c>org/name</c></param>
/// <param name="Waiting">Why it waits; null where it does not.</param>
internal sealed record GridJob(string Id, string Status, string Adapter, string? AdapterVersion, string? Waiting);

/// <summary>OpenAI's <c>fine_tuning.job.event</c>.</summary>
internal sealed record FineTuningEvent(string Id, string Object, long CreatedAt, string Level, string Message, string Type, JsonNode? Data);

/// <summary>OpenAI's <c>fine_tuning.job.checkpoint</c>.</summary>
internal sealed record FineTuningCheckpoint(
    string Id, string Object, long CreatedAt, string FineTunedModelCheckpoint, string FineTuningJobId, CheckpointMetrics Metrics, int StepNumber);

/// <summary>What was measured at the checkpoint's step; what was not is left out.</summary>
/// <param name="FullValidLoss">The same as <paramref name="ValidLoss"/>: an evaluation reads all of the validation file.</param>
internal sealed record CheckpointMetrics(
    int Step, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? TrainLoss,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? ValidLoss,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? FullValidLoss);

/// <param name="FirstId">Null for an empty page.</param>
internal sealed record FineTuningPage<T>(string Object, IReadOnlyList<T> Data, bool HasMore, string? FirstId, string? LastId)
{
    public static FineTuningPage<T> Of(IReadOnlyList<T> data, bool more, Func<T, string> id) =>
        new("list", data, more, data.Count == 0 ? null : id(data[0]), data.Count == 0 ? null : id(data[^1]));
}

internal static class FineTuningJson
{
    public static JsonSerializerOptions Options { get; } = new(GridJson.Options) { DefaultIgnoreCondition = JsonIgnoreCondition.Never };

    public static IResult Result<T>(T value) => Results.Json(value, Options);
}
