using System.Text.Json;
using System.Text.Json.Serialization;

namespace FineTuneGrid.Contracts.Jobs;

/// <summary>
/// What a user asks for. Read by <see cref="JobSpecReader"/>, which fills every default from <see cref="JobSchema"/>:
/// properties that stay null are those whose null means something.
/// </summary>
public sealed record JobSpec
{
    public string? Name { get; init; }

    /// <summary>A model's name or id; or an object <c>{"init": config.json, "tokenizer": model}</c> for training from random weights.</summary>
    public required JsonElement BaseModel { get; init; }

    /// <summary><c>org/name</c> under which the result is registered.</summary>
    public required string Adapter { get; init; }

    public required MethodSpec Method { get; init; }

    public required ObjectiveSpec Objective { get; init; }

    public required DataSpec Data { get; init; }

    public required OptimizerSpec Optimizer { get; init; }

    public required ResourceSpec Resources { get; init; }

    public required CheckpointSpec Checkpoint { get; init; }

    public required EvaluationSpec Evaluation { get; init; }

    /// <summary><c>auto</c>, <c>fp32</c> or <c>bf16</c>.</summary>
    public required string Precision { get; init; }

    /// <summary><c>exact</c> or <c>fast</c>; null until resolved: exact on CPU, fast on CUDA.</summary>
    public string? Mode { get; init; }

    public IReadOnlyList<string> StrictServing { get; init; } = [];

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>The model's name or id; null where the job starts from random weights.</summary>
    public string? BaseModelName() => BaseModel.ValueKind == JsonValueKind.String ? BaseModel.GetString() : null;

    /// <summary>The random-weights request; null where the job starts from a registered model.</summary>
    public ModelInit? BaseModelInit() => BaseModel.ValueKind == JsonValueKind.Object ? BaseModel.Deserialize<ModelInit>(GridJson.Options) : null;
}

/// <summary>Training from random weights.</summary>
/// <param name="Init">The config.json of the model to make.</param>
/// <param name="Tokenizer">The registered model (name or id) whose tokenizer and chat template are used.</param>
public sealed record ModelInit(JsonElement Init, string Tokenizer);

public sealed record MethodSpec
{
    public required string Type { get; init; }

    public required string Quantization { get; init; }

    public required int Rank { get; init; }

    public required double Alpha { get; init; }

    public required double Dropout { get; init; }

    /// <summary><c>all-linear</c>, <c>regex:...</c>, or an array of module suffixes.</summary>
    public required JsonElement TargetModules { get; init; }

    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = new Dictionary<string, int>();

    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>();

    public bool Rslora { get; init; }

    public bool Dora { get; init; }

    public double? LoraPlusRatio { get; init; }

    public IReadOnlyList<string> ModulesToSave { get; init; } = [];

    public string? InitAdapter { get; init; }

    [JsonIgnore]
    public bool IsFull => Type == "full";

    [JsonIgnore]
    public bool IsNf4 => Quantization == "nf4";
}

public sealed record ObjectiveSpec
{
    public required string Type { get; init; }

    public double? Beta { get; init; }

    /// <summary>DPO's beta, as the paper has it where none is given; null for objectives without pairs.</summary>
    [JsonIgnore]
    public double? PairBeta => Type == "dpo" ? Beta ?? 0.1 : null;

    /// <summary>Column that holds the classes; null for <c>label</c>.</summary>
    public string? LabelColumn { get; init; }

    [JsonIgnore]
    public bool IsClassification => Type == "classification";
}

public sealed record DataSpec
{
    public required string Train { get; init; }

    public string? Validation { get; init; }

    public required string Format { get; init; }

    public required int SequenceLength { get; init; }

    public required bool Packing { get; init; }
}

public sealed record OptimizerSpec
{
    public required double LearningRate { get; init; }

    public required string Schedule { get; init; }

    public required double WarmupRatio { get; init; }

    public required IReadOnlyList<double> Betas { get; init; }

    public required double Eps { get; init; }

    public required double WeightDecay { get; init; }

    /// <summary>Null turns clipping off, so null is written.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public double? MaxGradNorm { get; init; }

    /// <summary>Whole passes over the data; exclusive with <see cref="MaxSteps"/>.</summary>
    public int? Epochs { get; init; }

    public int? MaxSteps { get; init; }

    /// <summary>Tokens in one optimizer step, at most; exclusive with <see cref="BatchSize"/>.</summary>
    public int? BatchTokens { get; init; }

    /// <summary>Examples in one optimizer step.</summary>
    public int? BatchSize { get; init; }

    /// <summary>Tokens in one forward and backward pass, at most; null until resolved.</summary>
    public int? MicroBatchTokens { get; init; }

    /// <summary>Steps that each worker takes by itself between two exchanges (DiLoCo); null exchanges at every step.</summary>
    public int? LocalSteps { get; init; }

    public required long Seed { get; init; }
}

public sealed record ResourceSpec
{
    public required int Workers { get; init; }

    /// <summary>Workers that the job makes do with where no more slots are free; null for all of <see cref="Workers"/>.</summary>
    public int? MinWorkers { get; init; }

    public required string Device { get; init; }

    public double? MemoryGb { get; init; }

    public required int Priority { get; init; }

    public required bool Preemptible { get; init; }

    public required string Queue { get; init; }
}

public sealed record CheckpointSpec
{
    public required int EverySteps { get; init; }

    public required int Keep { get; init; }
}

public sealed record EvaluationSpec
{
    /// <summary>Null evaluates once, after the last step.</summary>
    public int? EverySteps { get; init; }

    public IReadOnlyList<EvaluationGate> Gates { get; init; } = [];
}

public sealed record EvaluationGate(string Metric, double? Max = null, double? Min = null);
