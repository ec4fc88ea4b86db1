using System.Text.Json.Nodes;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>The body of <c>POST /v1/fine_tuning/jobs</c>, each parameter checked by itself.</summary>
internal sealed record FineTuningRequest
{
    public required string Model { get; init; }

    public required string TrainingFile { get; init; }

    public string? ValidationFile { get; init; }

    /// <summary>In lower case, fit for an adapter's name.</summary>
    public string? Suffix { get; init; }

    public long? Seed { get; init; }

    public required IReadOnlyDictionary<string, string> Metadata { get; init; }

    public required FineTuningMethod Method { get; init; }
}

/// <summary>How is trained. Null hyperparameters are <c>auto</c>.</summary>
/// <param name="Type">One of <see cref="MethodTypes"/>.</param>
/// <param name="Parameters">Where in the request the settings were, or would have been.</param>
/// <param name="Lora">This grid's extension, unchecked; null where it was left out.</param>
internal sealed record FineTuningMethod(
    string Type, ParameterNames Parameters, int? Epochs, int? BatchSize, double? LearningRateMultiplier, double? Beta, JsonObject? Lora);

internal static class MethodTypes
{
    public const string Supervised = "supervised";
    public const string Dpo = "dpo";
    public const string Reinforcement = "reinforcement";
}
