using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>
/// <c>method.supervised.lora</c> and <c>method.dpo.lora</c>: this grid's extension of OpenAI's request. Each member stands for a field
/// of a <see cref="JobSpec"/>, which alone says what it may be.
/// </summary>
internal static class LoraSettings
{
    /// <param name="Section">Member of the spec that holds it; empty for the spec itself.</param>
    private sealed record Setting(string Name, string Section, string Field)
    {
        public string Path => Section.Length == 0 ? Field : $"{Section}.{Field}";
    }

    private static readonly Setting[] All =
    [
        .. Of("method", "rank", "alpha", "dropout", "target_modules", "rank_pattern", "alpha_pattern", "rslora", "dora", "lora_plus_ratio", "modules_to_save", "init_adapter", "quantization"),
        .. Of("data", "sequence_length", "packing", "format"),
        .. Of("optimizer", "learning_rate", "schedule", "warmup_ratio", "betas", "eps", "weight_decay", "max_grad_norm", "max_steps", "batch_tokens", "micro_batch_tokens"),
        new("checkpoint_every_steps", "checkpoint", "every_steps"), new("checkpoints_kept", "checkpoint", "keep"), new("evaluate_every_steps", "evaluation", "every_steps"),
        .. Of("resources", "workers", "min_workers", "device", "memory_gb", "priority", "preemptible", "queue"),
        .. Of("", "precision", "mode", "strict_serving"),
    ];

    private static readonly Dictionary<string, Setting> ByName = All.ToDictionary(s => s.Name);
    private static readonly Dictionary<string, Setting> ByPath = All.ToDictionary(s => s.Path);

    /// <summary>Writes what was given into a spec that is being made.</summary>
    /// <exception cref="GridException"><c>unknown_field</c></exception>
    public static void Apply(JsonObject? lora, string path, JsonObject spec)
    {
        foreach (var (name, value) in lora ?? [])
        {
            if (!ByName.TryGetValue(name, out var setting))
                throw new GridException(ErrorCodes.UnknownField, $"{path}.{name} is not a known setting{Spelling.Advice(name, ByName.Keys)}", $"{path}.{name}");
            var section = setting.Section.Length == 0 ? spec : (JsonObject)spec[setting.Section]!;
            section[setting.Field] = value?.DeepClone();
        }
    }

    /// <summary>The settings of a job, resolved.</summary>
    public static JsonObject Show(JobSpec spec, double baseLearningRate)
    {
        var whole = JsonSerializer.SerializeToNode(spec, GridJson.Options)!.AsObject();
        var shown = new JsonObject();
        foreach (var setting in All)
        {
            var section = setting.Section.Length == 0 ? whole : whole[setting.Section] as JsonObject;
            if (section?[setting.Field] is { } value) shown[setting.Name] = value.DeepClone();
        }
        shown["learning_rate"] = baseLearningRate;
        return shown;
    }

    /// <summary>The setting that stands for a field such as <c>method.rank</c> or <c>method.target_modules[0]</c>; null where none does.</summary>
    public static string? NameOf(string field)
    {
        var parts = field.Split('[', 2);
        if (ByPath.TryGetValue(parts[0], out var setting)) return parts.Length == 1 ? setting.Name : $"{setting.Name}[{parts[1]}";
        // A map's key is a path of its own.
        var owner = All.FirstOrDefault(s => field.StartsWith(s.Path + ".", StringComparison.Ordinal));
        return owner is null ? null : owner.Name + field[owner.Path.Length..];
    }

    private static IEnumerable<Setting> Of(string section, params string[] names) => names.Select(name => new Setting(name, section, name));
}
