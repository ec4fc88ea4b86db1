using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Config;

namespace FineTuneGrid.Models.Lora;

/// <summary>PEFT's <c>adapter_config.json</c>, to and from a <see cref="LoraSpec"/>.</summary>
public static class PeftConfig
{
    public const string SequenceClassification = "SEQ_CLS";

    private const string CausalLanguage = "CAUSAL_LM";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Fields that, set to anything but these, change what an adapter computes in a way this build does not know.</summary>
    private static readonly string[] MustBeUnset =
    [
        "layers_to_transform", "layer_replication", "trainable_token_indices", "target_parameters", "exclude_modules",
        "alora_invocation_tokens", "arrow_config", "corda_config", "kasa_config", "use_bdlora", "velora_config",
    ];

    /// <summary>Ways to start factors that leave the base as it is.</summary>
    private static readonly string[] KeepTheBase = ["gaussian", "eva", "orthogonal"];

    /// <summary>The config of an exported adapter: keys sorted, as PEFT writes them, but for patterns, of which the first that matches holds.</summary>
    public static byte[] Write(LoraPlan plan, string baseModel)
    {
        var spec = plan.Spec;
        var targets = plan.Modules.Select(m => m.Name).Order(StringComparer.Ordinal);
        var suffixes = plan.LeavesOutTargets ? null : spec.Targets.Suffixes?.Order(StringComparer.Ordinal).ToArray();
        var json = new JsonObject
        {
            ["alpha_pattern"] = new JsonObject(spec.AlphaPattern.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)p.Value))),
            ["auto_mapping"] = null,
            ["base_model_name_or_path"] = baseModel,
            ["bias"] = "none",
            ["fan_in_fan_out"] = plan.Modules.Any(m => m.Transposed),
            ["inference_mode"] = true,
            ["init_lora_weights"] = true,
            ["layers_pattern"] = null,
            ["layers_to_transform"] = null,
            ["lora_alpha"] = Whole(spec.Alpha),
            ["lora_dropout"] = spec.Dropout,
            ["modules_to_save"] = Saved(plan) is { Length: > 0 } saved ? new JsonArray([.. saved.Select(s => (JsonNode?)s)]) : null,
            ["peft_type"] = "LORA",
            ["r"] = spec.Rank,
            ["rank_pattern"] = new JsonObject(spec.RankPattern.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)p.Value))),
            ["revision"] = null,
            ["target_modules"] = new JsonArray([.. (suffixes ?? Ends(plan) ?? [.. targets]).Select(t => (JsonNode?)t)]),
            ["task_type"] = plan.Classifier is null ? CausalLanguage : SequenceClassification,
            ["use_dora"] = spec.Dora,
            ["use_rslora"] = spec.RsLora,
        };
        return JsonSerializer.SerializeToUtf8Bytes(json, Indented);
    }

    /// <exception cref="GridException"><c>invalid_adapter</c>: not a plain LoRA; the field is named.</exception>
    public static LoraSpec Read(ReadOnlyMemory<byte> utf8)
    {
        var config = Parse(utf8);
        if (config.TextOrNull("peft_type") is not "LORA")
            throw Bad("peft_type", "must be LORA");
        foreach (var name in MustBeUnset)
        {
            if (config.Has(name) && !IsEmpty(config.Json.GetProperty(name)))
                throw Bad(name, "is set, which this build does not support; it must be null");
        }

        if (config.Has("init_lora_weights") && config.Json.GetProperty("init_lora_weights") is { ValueKind: JsonValueKind.String } init && !Array.Exists(KeepTheBase, k => init.ValueEquals(k)))
            throw Bad("init_lora_weights", $"is {init.GetRawText()}: its factors belong to a base that was changed at their start; save them for the base itself (path_initial_model_for_weight_conversion of PEFT's save_pretrained)");
        if (config.Flag("use_qalora", false))
            throw Bad("use_qalora", "must be false");
        if ((config.TextOrNull("bias") ?? "none") != "none" || config.Flag("lora_bias", false))
            throw Bad("bias", "must be none");
        return new LoraSpec
        {
            Rank = config.Int("r"),
            Alpha = config.Number("lora_alpha", 8),
            Dropout = config.Number("lora_dropout", 0),
            RsLora = config.Flag("use_rslora", false),
            Dora = config.Flag("use_dora", false),
            Targets = Targets(config),
            IsPublished = true,
            RankPattern = Map(config, "rank_pattern", (c, key) => c.Int(key)),
            AlphaPattern = Map(config, "alpha_pattern", (c, key) => c.Number(key)),
            ModulesToSave = Names(config, "modules_to_save"),
        };
    }

    /// <summary>Whether the adapter is a classifier's, and so brings a head of its own.</summary>
    public static bool IsClassifier(ReadOnlyMemory<byte> utf8) => Parse(utf8).TextOrNull("task_type") == SequenceClassification;

    /// <summary>PEFT adds the names that classifiers' heads have, whichever the model's is.</summary>
    private static string[] Saved(LoraPlan plan)
    {
        string[] heads = plan.Classifier is { } classifier ? ["classifier", "score", .. classifier.Fresh.Select(m => m[(m.LastIndexOf('.') + 1)..])] : [];
        return [.. heads.Concat(plan.Spec.ModulesToSave).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    private static string[] Names(ModelConfig config, string field)
    {
        if (!config.Has(field))
            return [];
        var json = config.Json.GetProperty(field);
        return json.ValueKind == JsonValueKind.Array && json.EnumerateArray().All(e => e.ValueKind == JsonValueKind.String)
            ? [.. json.EnumerateArray().Select(e => e.GetString()!)]
            : throw Bad(field, "must be a list of names, or null");
    }

    private static ModelConfig Parse(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            return ModelConfig.Parse(utf8);
        }
        catch (GridException e)
        {
            throw new GridException(ErrorCodes.InvalidAdapter, e.Message.Replace("config.json", "adapter_config.json", StringComparison.Ordinal), "adapter_config.json", e);
        }
    }

    private static TargetModules Targets(ModelConfig config)
    {
        if (!config.Has("target_modules"))
            throw Bad("target_modules", "is missing");
        var json = config.Json.GetProperty("target_modules");
        return json.ValueKind switch
        {
            JsonValueKind.Array when json.EnumerateArray().All(e => e.ValueKind == JsonValueKind.String) => TargetModules.From(json),
            // A string is a regular expression on the whole path, but for this one word.
            JsonValueKind.String when string.Equals(json.GetString(), "all-linear", StringComparison.OrdinalIgnoreCase) => TargetModules.AllLinear,
            JsonValueKind.String => new TargetModules(null, json.GetString()),
            _ => throw Bad("target_modules", "must be a list of names or a regular expression"),
        };
    }

    private static Dictionary<string, T> Map<T>(ModelConfig config, string name, Func<ModelConfig, string, T> value) =>
        config.Object(name) is { } map
            ? map.Json.EnumerateObject().ToDictionary(p => p.Name, p => value(map, p.Name), StringComparer.Ordinal)
            : [];

    /// <summary>The last parts of the modules' paths, where they select exactly the adapted modules.</summary>
    private static string[]? Ends(LoraPlan plan) => !plan.LeavesOutTargets && plan.Spec.Targets is { Suffixes: null, Pattern: null }
        ? [.. plan.Modules.Select(m => m.Name[(m.Name.LastIndexOf('.') + 1)..]).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)]
        : null;

    private static bool IsEmpty(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Array => json.GetArrayLength() == 0,
        JsonValueKind.Object => !json.EnumerateObject().Any(),
        JsonValueKind.False => true,
        _ => false,
    };

    private static JsonNode Whole(double value) => value == Math.Floor(value) && Math.Abs(value) < 1e15 ? (long)value : value;

    private static GridException Bad(string field, string rule) =>
        new(ErrorCodes.InvalidAdapter, $"adapter_config.json: {field} {rule}.", field);
}
