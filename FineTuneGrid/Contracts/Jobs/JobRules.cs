using System.Text.Json;
using System.Text.RegularExpressions;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Contracts.Jobs;

/// <summary>The rules of a job that concern more than one field, and those that the present build imposes.</summary>
public static class JobRules
{
    public const int DefaultBatchSize = 16;

    internal static JobSpec FillExclusive(JobSpec spec)
    {
        var optimizer = spec.Optimizer;
        if (optimizer is { Epochs: null, MaxSteps: null }) optimizer = optimizer with { Epochs = 1 };
        if (optimizer is { BatchSize: null, BatchTokens: null }) optimizer = optimizer with { BatchSize = DefaultBatchSize };
        return spec with { Optimizer = optimizer };
    }

    public static IEnumerable<GridFinding> Check(JobSpec spec) =>
        [.. CheckNames(spec), .. CheckMethod(spec), .. CheckOptimizer(spec.Optimizer), .. CheckWorkers(spec), .. CheckObjective(spec), .. CheckClassification(spec), .. CheckGates(spec)];

    private static IEnumerable<GridFinding> CheckNames(JobSpec spec)
    {
        var finding = Try(() => AdapterRef.Parse(spec.Adapter, "adapter"));
        if (finding is not null) yield return finding;
        if (spec.Adapter.Contains('@')) yield return new("adapter", "adapter must be 'org/name': the version is given by the registry.");
        if (spec.Method.InitAdapter is { } init && Try(() => AdapterRef.Parse(init, "method.init_adapter")) is { } bad) yield return bad;
        if (Try(() => Names.Check(spec.Resources.Queue, "resources.queue")) is { } queue) yield return queue;
    }

    private static IEnumerable<GridFinding> CheckMethod(JobSpec spec)
    {
        var method = spec.Method;
        if (spec.BaseModel.ValueKind == JsonValueKind.Object)
        {
            if (!method.IsFull) yield return new("base_model", "base_model may be an object with 'init' only where method.type is 'full'.");
            foreach (var member in spec.BaseModel.EnumerateObject())
                if (member.Name is not ("init" or "tokenizer")) yield return new($"base_model.{member.Name}", $"base_model.{member.Name} is not a known field; known fields are init, tokenizer.");
            if (!spec.BaseModel.TryGetProperty("init", out var init) || init.ValueKind != JsonValueKind.Object)
                yield return new("base_model.init", "base_model.init is required: the config.json of the model to make.");
            if (!spec.BaseModel.TryGetProperty("tokenizer", out var tokenizer) || tokenizer.ValueKind != JsonValueKind.String)
                yield return new("base_model.tokenizer", "base_model.tokenizer is required: the registered model whose tokenizer is used.");
        }
        if (method.TargetModules.ValueKind == JsonValueKind.Array && method.TargetModules.GetArrayLength() == 0)
            yield return new("method.target_modules", "method.target_modules may not be empty; use 'all-linear' or name modules.");
        if (method.TargetModules.ValueKind == JsonValueKind.String)
        {
            var text = method.TargetModules.GetString()!;
            if (text.StartsWith("regex:", StringComparison.Ordinal))
            {
                if (Try(() => _ = new Regex(text["regex:".Length..], RegexOptions.NonBacktracking)) is { } bad)
                    yield return new("method.target_modules", $"method.target_modules is not a valid regular expression: {bad.Message}");
            }
            else if (text != "all-linear")
                yield return new("method.target_modules", $"method.target_modules must be 'all-linear', 'regex:PATTERN' or a list, not '{text}'.");
        }
        if (method is { IsFull: true, IsNf4: true }) yield return new("method.quantization", "method.quantization 'nf4' needs method.type 'lora': weights of 4 bits are not trained.");
        if (method.LoraPlusRatio is 0) yield return new("method.lora_plus_ratio", "method.lora_plus_ratio must be above 0, or null for one learning rate.");
        if (method is { IsFull: true, LoraPlusRatio: not null }) yield return new("method.lora_plus_ratio", "method.lora_plus_ratio needs method.type 'lora'.");
        if (method is { IsFull: true, Dora: true }) yield return new("method.dora", "method.dora needs method.type 'lora'.");
        if (method.IsFull && spec.StrictServing.Count > 0) yield return new("strict_serving", "strict_serving needs method.type 'lora': a full model is served as a model, not as an adapter.");
        if (method is { IsFull: true, ModulesToSave.Count: > 0 }) yield return new("method.modules_to_save", "method.modules_to_save needs method.type 'lora': a full model saves every module.");
        if (method is { IsFull: true, InitAdapter: not null }) yield return new("method.init_adapter", "method.init_adapter needs method.type 'lora'.");
    }

    private static IEnumerable<GridFinding> CheckOptimizer(OptimizerSpec optimizer)
    {
        if (optimizer is { Epochs: not null, MaxSteps: not null })
            yield return new("optimizer.max_steps", "optimizer.epochs and optimizer.max_steps exclude each other: give one.");
        if (optimizer is { BatchSize: not null, BatchTokens: not null })
            yield return new("optimizer.batch_tokens", "optimizer.batch_size and optimizer.batch_tokens exclude each other: give one.");
        if (optimizer.LearningRate == 0) yield return new("optimizer.learning_rate", "optimizer.learning_rate must be above 0.");
        if (optimizer.Eps == 0) yield return new("optimizer.eps", "optimizer.eps must be above 0.");
        if (optimizer.MaxGradNorm == 0) yield return new("optimizer.max_grad_norm", "optimizer.max_grad_norm must be above 0, or null for no clipping.");
    }

    private static IEnumerable<GridFinding> CheckWorkers(JobSpec spec)
    {
        if (spec.Resources is { MinWorkers: { } least, Workers: var workers } && least > workers)
            yield return new("resources.min_workers", $"resources.min_workers is {least}, but resources.workers is {workers}: use at most {workers}.");
        if (spec.Optimizer.LocalSteps is not { } local) yield break;
        if (spec is not { Resources.Workers: > 1, Mode: "fast" })
            yield return new("optimizer.local_steps", "optimizer.local_steps needs resources.workers above 1 and mode 'fast': workers that take steps of their own cannot have the bytes of one.");
        if (spec.Resources.MinWorkers == 1)
            yield return new("resources.min_workers", "resources.min_workers must be at least 2 with optimizer.local_steps: one worker has nobody to meet.");
        if (spec.Checkpoint.EverySteps % local != 0)
            yield return new("checkpoint.every_steps", $"checkpoint.every_steps must be a multiple of optimizer.local_steps ({local}): between two meetings there is no common state.");
        if (spec.Evaluation.EverySteps is { } every && every % local != 0)
            yield return new("evaluation.every_steps", $"evaluation.every_steps must be a multiple of optimizer.local_steps ({local}): between two meetings there is no common state.");
    }

    private static IEnumerable<GridFinding> CheckObjective(JobSpec spec)
    {
        var pairs = spec.Objective.Type == "dpo";
        if (pairs && spec.Method.IsFull) yield return new("objective.type", "objective.type 'dpo' needs method.type 'lora': the base without the adapter is the reference.");
        if (!pairs && spec.Objective.Beta is not null) yield return new("objective.beta", "objective.beta needs objective.type 'dpo'.");
        if (spec.Objective.Beta is 0) yield return new("objective.beta", "objective.beta must be above 0.");
        if (!pairs && spec.Data.Format == DataFormats.Preference) yield return new("data.format", $"data.format '{DataFormats.Preference}' needs objective.type 'dpo'.");
        if (pairs && spec.Data.Format is not ("auto" or DataFormats.Preference)) yield return new("data.format", $"objective.type 'dpo' needs data.format '{DataFormats.Preference}', not '{spec.Data.Format}'.");
    }

    private static IEnumerable<GridFinding> CheckClassification(JobSpec spec)
    {
        var classes = spec.Objective.IsClassification;
        if (!classes && spec.Objective.LabelColumn is not null) yield return new("objective.label_column", "objective.label_column needs objective.type 'classification'.");
        if (!classes && spec.Data.Format == "classification") yield return new("data.format", "data.format 'classification' needs objective.type 'classification'.");
        if (classes && spec.Data.Format is not ("auto" or "classification"))
            yield return new("data.format", $"objective.type 'classification' needs data.format 'classification' or 'auto', not '{spec.Data.Format}'.");
        for (var i = 0; i < spec.Evaluation.Gates.Count; i++)
            if (!classes && spec.Evaluation.Gates[i].Metric is "valid_accuracy" or "valid_macro_f1")
                yield return new($"evaluation.gates[{i}].metric", $"A gate on {spec.Evaluation.Gates[i].Metric} needs objective.type 'classification'.");
    }

    private static IEnumerable<GridFinding> CheckGates(JobSpec spec)
    {
        for (var i = 0; i < spec.Evaluation.Gates.Count; i++)
        {
            var gate = spec.Evaluation.Gates[i];
            if (gate is { Max: null, Min: null }) yield return new($"evaluation.gates[{i}]", $"evaluation.gates[{i}] needs 'max' or 'min'.");
            if (gate.Metric.StartsWith("valid_", StringComparison.Ordinal) && spec.Data.Validation is null)
                yield return new($"evaluation.gates[{i}].metric", $"A gate on {gate.Metric} needs data.validation.");
        }
    }

    private static GridFinding? Try(Action check)
    {
        try
        {
            check();
            return null;
        }
        catch (GridException e)
        {
            return new(e.Field ?? "", e.Message);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return new("", e.Message);
        }
    }
}
