using System.Text.Json;
using System.Text.Json.Serialization;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Client;

/// <summary>
/// A job to submit. What is null is left out and has the grid's default; the grid's <c>/api/v1/jobs/schema</c> says which, and what each
/// field means.
/// </summary>
public sealed record JobRequest
{
    public string? Name { get; init; }

    /// <summary>A registered model's name or id. To train from random weights, <c>base_model</c> in <see cref="More"/> instead.</summary>
    public string? BaseModel { get; init; }

    /// <summary><c>org/name</c> under which the result is registered.</summary>
    public required string Adapter { get; init; }

    public required DataRequest Data { get; init; }

    public MethodRequest? Method { get; init; }

    public ObjectiveRequest? Objective { get; init; }

    public OptimizerRequest? Optimizer { get; init; }

    public ResourceRequest? Resources { get; init; }

    public CheckpointRequest? Checkpoint { get; init; }

    public EvaluationRequest? Evaluation { get; init; }

    public string? Precision { get; init; }

    public string? Mode { get; init; }

    public IReadOnlyList<string>? StrictServing { get; init; }

    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>Fields by their JSON names, such as those that this version does not know.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? More { get; init; }
}

public sealed record DataRequest
{
    /// <summary>A data set's name or id.</summary>
    public required string Train { get; init; }

    public string? Validation { get; init; }

    public string? Format { get; init; }

    public int? SequenceLength { get; init; }

    public bool? Packing { get; init; }
}

public sealed record MethodRequest
{
    public string? Type { get; init; }

    public string? Quantization { get; init; }

    public int? Rank { get; init; }

    public double? Alpha { get; init; }

    public double? Dropout { get; init; }

    /// <summary>Suffixes of modules. For <c>all-linear</c> or <c>regex:...</c> see <see cref="TargetPattern"/>.</summary>
    [JsonIgnore]
    public IReadOnlyList<string>? TargetModules { get; init; }

    /// <summary><c>all-linear</c>, or <c>regex:</c> and an expression.</summary>
    [JsonIgnore]
    public string? TargetPattern { get; init; }

    public IReadOnlyDictionary<string, int>? RankPattern { get; init; }

    public IReadOnlyDictionary<string, double>? AlphaPattern { get; init; }

    public bool? Rslora { get; init; }

    public bool? Dora { get; init; }

    public double? LoraPlusRatio { get; init; }

    public IReadOnlyList<string>? ModulesToSave { get; init; }

    /// <summary><c>org/name[@version]</c> to continue from.</summary>
    public string? InitAdapter { get; init; }

    [JsonInclude, JsonPropertyName("target_modules")]
    internal object? Targets => (object?)TargetModules ?? TargetPattern;
}

public sealed record ObjectiveRequest
{
    public string? Type { get; init; }

    public double? Beta { get; init; }

    public string? LabelColumn { get; init; }
}

public sealed record OptimizerRequest
{
    public double? LearningRate { get; init; }

    public string? Schedule { get; init; }

    public double? WarmupRatio { get; init; }

    public IReadOnlyList<double>? Betas { get; init; }

    public double? Eps { get; init; }

    public double? WeightDecay { get; init; }

    /// <summary>To turn clipping off, give <c>max_grad_norm</c> as null in <see cref="More"/>.</summary>
    public double? MaxGradNorm { get; init; }

    public int? Epochs { get; init; }

    public int? MaxSteps { get; init; }

    public int? BatchTokens { get; init; }

    public int? BatchSize { get; init; }

    public int? MicroBatchTokens { get; init; }

    public int? LocalSteps { get; init; }

    public long? Seed { get; init; }

    /// <summary>Fields by their JSON names.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? More { get; init; }
}

public sealed record ResourceRequest
{
    public int? Workers { get; init; }

    public int? MinWorkers { get; init; }

    public string? Device { get; init; }

    public double? MemoryGb { get; init; }

    public int? Priority { get; init; }

    public bool? Preemptible { get; init; }

    public string? Queue { get; init; }
}

public sealed record CheckpointRequest
{
    public int? EverySteps { get; init; }

    public int? Keep { get; init; }
}

public sealed record EvaluationRequest
{
    public int? EverySteps { get; init; }

    public IReadOnlyList<EvaluationGate>? Gates { get; init; }
}
