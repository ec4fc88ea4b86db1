using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>What a request names, found.</summary>
/// <param name="BaseModel">Name or id of the base model.</param>
/// <param name="BaseName">Its name, after which the adapter is called where the request has no suffix.</param>
/// <param name="Train">Name or id of the data set that the training file is.</param>
/// <param name="Examples">Its rows; null where its inspection found none, so that the job will say why.</param>
internal sealed record JobBasis(string Organisation, string BaseModel, string BaseName, string Train, long? Examples, string? Validation)
{
    /// <summary>For a request without a seed.</summary>
    public required long FreshSeed { get; init; }

    /// <summary>The adapter version that the training goes on from, <c>org/name@version</c>; null for a fresh one.</summary>
    public string? Continued { get; init; }

    /// <summary>A spec's <c>method</c> that made it: the shape to go on with.</summary>
    public JsonObject? ContinuedMethod { get; init; }
}

/// <summary>OpenAI's request as a job of this grid: pure, and every <c>auto</c> resolved.</summary>
internal static class JobMapper
{
    private const int KeptCheckpoints = 3;

    /// <summary>What a multiplier of 1 stands for, where the request names no learning rate.</summary>
    public static double UsualLearningRate { get; } =
        (double)JobSchema.Create()["properties"]!["optimizer"]!["properties"]!["learning_rate"]!["default"]!;

    /// <exception cref="GridException"><c>invalid_value</c>, <c>unknown_field</c>: in the words of the request.</exception>
    public static (JobSpec Spec, OpenAiOrigin Origin) Map(FineTuningRequest request, JobBasis basis)
    {
        var spec = Sections(request, basis);
        var method = request.Method;
        LoraSettings.Apply(method.Lora, method.Parameters.Lora, spec);
        var (optimizer, multiplier) = ((JsonObject)spec["optimizer"]!, method.LearningRateMultiplier ?? 1);
        var usual = optimizer["learning_rate"] is null ? UsualLearningRate : NumberOf(optimizer["learning_rate"]);
        // What is no number stays as it is, to be refused.
        if (usual is { } rate) optimizer["learning_rate"] = rate * multiplier;
        if (method.Epochs is not null || optimizer["max_steps"] is null) optimizer["epochs"] = method.Epochs ?? AutoSettings.Epochs(basis.Examples);
        if (method.BatchSize is not null || optimizer["batch_tokens"] is null) optimizer["batch_size"] = method.BatchSize ?? AutoSettings.BatchSize(basis.Examples);
        FillIntervals((JsonObject)spec["checkpoint"]!, (JsonObject)spec["evaluation"]!, basis, (int?)NumberOf(optimizer["batch_size"]));
        try
        {
            return (JobSpecReader.Read(spec), new OpenAiOrigin(request.TrainingFile, request.ValidationFile, multiplier, usual ?? UsualLearningRate));
        }
        catch (GridException e) when (e.Code == ErrorCodes.InvalidSpec)
        {
            throw InTheRequestsWords(e, method.Parameters);
        }
    }

    private static JsonObject Sections(FineTuningRequest request, JobBasis basis)
    {
        var dpo = request.Method.Type == MethodTypes.Dpo;
        var objective = new JsonObject { ["type"] = dpo ? "dpo" : "supervised" };
        if (request.Method.Beta is { } beta) objective["beta"] = beta;
        var data = new JsonObject { ["train"] = basis.Train };
        if (basis.Validation is { } validation) data["validation"] = validation;
        var method = basis.ContinuedMethod?.DeepClone().AsObject() ?? new JsonObject { ["type"] = "lora" };
        if (basis.Continued is { } continued) method["init_adapter"] = continued;
        return new JsonObject
        {
            ["name"] = request.Suffix,
            ["base_model"] = basis.BaseModel,
            ["adapter"] = $"{basis.Organisation}/{request.Suffix ?? basis.BaseName}",
            ["method"] = method,
            ["objective"] = objective,
            ["data"] = data,
            ["optimizer"] = new JsonObject { ["seed"] = request.Seed ?? basis.FreshSeed },
            ["resources"] = new JsonObject(),
            ["checkpoint"] = new JsonObject(),
            ["evaluation"] = new JsonObject(),
            ["labels"] = JsonSerializer.SerializeToNode(request.Metadata),
        };
    }

    private static void FillIntervals(JsonObject checkpoint, JsonObject evaluation, JobBasis basis, int? batch)
    {
        if (checkpoint["every_steps"] is null) checkpoint["every_steps"] = AutoSettings.CheckpointSteps(basis.Examples, batch);
        if (checkpoint["keep"] is null) checkpoint["keep"] = KeptCheckpoints;
        if (basis.Validation is not null && evaluation["every_steps"] is null) evaluation["every_steps"] = checkpoint["every_steps"]!.DeepClone();
    }

    private static double? NumberOf(JsonNode? node) =>
        node is JsonValue value && value.GetValueKind() == JsonValueKind.Number && value.Deserialize<double>() is var number && double.IsFinite(number) ? number : null;

    private static GridException InTheRequestsWords(GridException refusal, ParameterNames names)
    {
        GridFinding[] findings = [.. refusal.Findings.Select(f => new GridFinding(names.Find(f.Where) ?? f.Where, names.Translate(f.Message)))];
        var message = findings.Length == 1 ? findings[0].Message : $"{findings[0].Message} ({findings.Length - 1} more)";
        return new GridException(ErrorCodes.InvalidValue, message, findings[0].Where, refusal) { Findings = findings };
    }
}
