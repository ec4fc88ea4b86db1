using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>A job as OpenAI's clients see it: a pure function of the grid's view. Jobs of the native API are shown too.</summary>
internal static class JobViewer
{
    private const int LongestFinding = 200;
    private const string Auto = "auto";

    /// <param name="tunedModel">Name of the result; null while there is none.</param>
    public static FineTuningJob Show(JobView job, string? tunedModel, IReadOnlyList<string> resultFiles, DateTimeOffset now)
    {
        var (spec, origin) = (job.Spec, job.OpenAi);
        var type = MethodOf(spec);
        var (baseRate, multiplier) = origin is null ? (JobMapper.UsualLearningRate, spec.Optimizer.LearningRate / JobMapper.UsualLearningRate) : (origin.BaseLearningRate, origin.LearningRateMultiplier);
        var hyper = Hyperparameters(spec, multiplier);
        var method = new JsonObject
        {
            ["type"] = type,
            [type] = new JsonObject { ["hyperparameters"] = hyper.DeepClone(), ["lora"] = spec.Method.IsFull ? null : LoraSettings.Show(spec, baseRate) },
        };
        return new FineTuningJob(
            FineTuningIds.OfJob(job.Id), "fine_tuning.job", job.CreatedAt.ToUnixTimeSeconds(), job.Status == JobStatus.Failed ? ErrorOf(job) : null, tunedModel,
            job.FinishedAt?.ToUnixTimeSeconds(), hyper, BaseOf(spec), job.Org, resultFiles, spec.Optimizer.Seed, StatusOf(job.Status),
            job.Status.IsTerminal() ? job.TrainedTokens : null, origin?.TrainingFile ?? spec.Data.Train, origin is null ? spec.Data.Validation : origin.ValidationFile,
            Estimate(job, now), [], spec.Labels.Count == 0 ? null : spec.Labels, method,
            new GridJob(job.Id, job.Status.ToString().ToLowerInvariant(), job.Adapter, job.AdapterVersion, job.Waiting?.Text));
    }

    /// <summary>OpenAI's six words. It has a pause and no word for it: what rests is queued.</summary>
    public static string StatusOf(JobStatus status) => status switch
    {
        JobStatus.Validating => "validating_files",
        JobStatus.Queued or JobStatus.Paused => "queued",
        JobStatus.Succeeded => "succeeded",
        JobStatus.Failed => "failed",
        JobStatus.Cancelled => "cancelled",
        _ => "running",
    };

    public static string MethodOf(JobSpec spec) => spec.Objective.PairBeta is null ? MethodTypes.Supervised : MethodTypes.Dpo;

    /// <summary>The base model's name; of one made from random weights, that of its tokenizer's model.</summary>
    public static string BaseOf(JobSpec spec) => spec.BaseModelName() ?? spec.BaseModelInit()!.Tokenizer;

    /// <summary>A job of the native API may be measured in steps and tokens, for which OpenAI has no word but <c>auto</c>.</summary>
    private static JsonObject Hyperparameters(JobSpec spec, double multiplier)
    {
        var hyper = new JsonObject
        {
            ["n_epochs"] = spec.Optimizer.Epochs is { } epochs ? epochs : Auto,
            ["batch_size"] = spec.Optimizer.BatchSize is { } batch ? batch : Auto,
            ["learning_rate_multiplier"] = multiplier,
        };
        if (spec.Objective.PairBeta is { } beta) hyper["beta"] = beta;
        return hyper;
    }

    private static long? Estimate(JobView job, DateTimeOffset now) =>
        job.Status == JobStatus.Running && job.Progress.EtaSeconds is { } seconds ? now.AddSeconds(seconds).ToUnixTimeSeconds() : null;

    private static FineTuningError? ErrorOf(JobView job)
    {
        if (job.Error is not { } error) return null;
        var names = ParameterNames.Of(MethodOf(job.Spec));
        var param = names.Find(error.Field);
        return new FineTuningError(error.Code, Lines(error, param) ?? names.Translate(error.Message), param);
    }

    /// <summary>The bad lines of a file, the first hundred of them; null for an error of another kind.</summary>
    private static string? Lines(GridError error, string? param)
    {
        var rows = error.Findings?.Where(f => f.Row is not null).ToList() ?? [];
        if (rows.Count == 0) return null;
        var file = param == "validation_file" ? "The validation file" : "The training file";
        var listed = string.Join("; ", rows.Select(f => $"line {f.Row}: {(f.Message.Length <= LongestFinding ? f.Message : f.Message[..LongestFinding] + "...").TrimEnd('.')}"));
        return $"{file} has lines that cannot be used ({(rows.Count < 100 ? $"{rows.Count}" : "the first 100")}): {listed}.";
    }
}
