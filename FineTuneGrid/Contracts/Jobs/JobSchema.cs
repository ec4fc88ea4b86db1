using System.Text.Json.Nodes;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Contracts.Jobs;

/// <summary>
/// The JSON Schema (2020-12) of a job, with every default. It is what the schema route serves and what
/// <see cref="JobSpecReader"/> checks against, so the two cannot drift apart.
/// </summary>
public static class JobSchema
{
    // Through text, so that every number can be read as any numeric type.
    private static readonly JsonObject Shared = (JsonObject)JsonNode.Parse(Build().ToJsonString())!;

    public static JsonObject Create() => (JsonObject)Shared.DeepClone();

    internal static JsonObject Root => Shared;

    private static JsonObject Build()
    {
        var root = Object("A fine-tuning job.", required: ["base_model", "adapter", "data"], new()
        {
            ["name"] = Text("A label for people.", null, nullable: true, maxLength: 200),
            ["base_model"] = new JsonObject
            {
                ["type"] = new JsonArray("string", "object"),
                ["description"] = "A registered model's name or id; or {\"init\": config.json, \"tokenizer\": model} with method.type 'full'.",
            },
            ["adapter"] = Text("org/name under which the result is registered.", null),
            ["method"] = Method(),
            ["objective"] = Objective(),
            ["data"] = Data(),
            ["optimizer"] = Optimizer(),
            ["resources"] = Resources(),
            ["checkpoint"] = Object("How often progress is made durable.", [], new()
            {
                ["every_steps"] = Int("Optimizer steps between checkpoints.", 50, 1, 1_000_000),
                ["keep"] = Int("Checkpoints kept while the job runs.", 2, 1, 100),
            }),
            ["evaluation"] = Evaluation(),
            ["precision"] = Choice("Compute precision; auto is resolved at submit.", "auto", "auto", "fp32", "bf16"),
            ["mode"] = Choice("exact: bit-identical over restarts, neighbours and workers. fast: with several workers one exchange a step, rounded otherwise. Default: exact on CPU, fast on CUDA with one worker.", null, "exact", "fast"),
            ["strict_serving"] = Choices("Servers that must be able to load the adapter; a job whose adapter one of them will not load is refused.", ServerNames.All),
            ["labels"] = Map("Free key-value pairs.", "string"),
        });
        root["$schema"] = "https://json-schema.org/draft/2020-12/schema";
        root["title"] = "FineTuneGrid job";
        return root;
    }

    private static JsonObject Method() => Object("What is trained.", [], new()
    {
        ["type"] = Choice("lora trains an adapter, full all parameters.", "lora", "lora", "full"),
        ["quantization"] = Choice("Storage of the frozen base's linear layers: nf4 is QLoRA's 4-bit NormalFloat with double quantisation.", "none", "none", "nf4"),
        ["rank"] = Int("LoRA rank r.", 16, 1, 4096),
        ["alpha"] = Number("LoRA alpha; the scale is alpha / rank.", 32, 0, 1e6),
        ["dropout"] = Number("Dropout on the LoRA input.", 0, 0, 0.95),
        ["target_modules"] = new JsonObject
        {
            ["type"] = new JsonArray("string", "array"),
            ["items"] = new JsonObject { ["type"] = "string" },
            ["default"] = "all-linear",
            ["description"] = "'all-linear', 'regex:PATTERN' over module paths, or a list of module names.",
        },
        ["rank_pattern"] = Map("Rank by module pattern.", "integer"),
        ["alpha_pattern"] = Map("Alpha by module pattern.", "number"),
        ["rslora"] = Bool("Scale by alpha / sqrt(rank).", false),
        ["dora"] = Bool("DoRA: the length of each row of the adapted weight is trained by itself.", false),
        ["lora_plus_ratio"] = Number("LoRA+: learning rate of B over that of A, above 0; null for one learning rate.", null, 0, 1e6),
        ["modules_to_save"] = List("Modules that are trained whole and saved with the adapter, such as lm_head or embed_tokens. A classifier's head always is.", "string"),
        ["init_adapter"] = Text("org/name[@version] to continue from.", null, nullable: true),
    });

    private static JsonObject Objective() => Object("The training objective.", [], new()
    {
        ["type"] = Choice("Objective.", "supervised", "supervised", "dpo", "classification"),
        ["beta"] = Number("DPO: how strongly the model is held to the base without the adapter, above 0; null for 0.1.", null, 0, 1e3),
        ["label_column"] = Text("Classification: the column that holds each row's class, texts or whole numbers; null for 'label'.", null, nullable: true),
    });

    private static JsonObject Data() => Object("What it is trained on.", required: ["train"], new()
    {
        ["train"] = Text("A registered data set's name or id.", null),
        ["validation"] = Text("A registered data set's name or id, evaluated but never trained on.", null, nullable: true),
        ["format"] = Choice("Row format.", "auto", "auto", "chat", "prompt-completion", "alpaca", "sharegpt", "text", DataFormats.Preference, DataFormats.Classification, "tokens"),
        ["sequence_length"] = Int("Longest example in tokens.", 2048, 2, 1 << 20),
        ["packing"] = Bool("Several examples share a micro-batch, each with its own attention and positions.", true),
    });

    private static JsonObject Optimizer() => Object("AdamW and its schedule.", [], new()
    {
        ["learning_rate"] = Number("Peak learning rate.", 2e-4, 0, 10),
        ["schedule"] = Choice("Decay after warm-up.", "cosine", "cosine", "linear", "constant"),
        ["warmup_ratio"] = Number("Share of the steps that warm up.", 0.03, 0, 1),
        ["betas"] = new JsonObject
        {
            ["type"] = "array", ["items"] = new JsonObject { ["type"] = "number", ["minimum"] = 0, ["maximum"] = 0.999999 },
            ["minItems"] = 2, ["maxItems"] = 2, ["default"] = new JsonArray(0.9, 0.999), ["description"] = "AdamW betas.",
        },
        ["eps"] = Number("AdamW epsilon.", 1e-8, 0, 1),
        ["weight_decay"] = Number("Decoupled weight decay.", 0, 0, 10),
        ["max_grad_norm"] = Number("Clip the global gradient norm; null does not clip.", 1.0, 0, 1e9, nullable: true),
        ["epochs"] = Int("Passes over the data; not together with max_steps. Default: 1 where neither is given.", null, 1, 100_000),
        ["max_steps"] = Int("Optimizer steps; not together with epochs.", null, 1, 100_000_000),
        ["batch_tokens"] = Int("Tokens of an optimizer step, at most; not together with batch_size.", null, 1, 1 << 30),
        ["batch_size"] = Int("Examples of an optimizer step. Default: 16 where neither is given.", null, 1, 1 << 20),
        ["micro_batch_tokens"] = Int("Tokens of one forward and backward pass, at most.", null, 1, 1 << 24),
        ["local_steps"] = Int("For slow links: steps that each worker takes by itself before all meet (DiLoCo, int8). Needs several workers and mode 'fast'. Default: they meet at every step.", null, 2, 10_000),
        ["seed"] = Int("Seed of all randomness.", 0, 0, long.MaxValue),
    });

    private static JsonObject Resources() => Object("Where it runs.", [], new()
    {
        ["workers"] = Int("Data-parallel workers, each on a slot of its own. In exact mode the result's bytes do not depend on how many.", 1, 1, 1024),
        ["min_workers"] = Int("Workers to start or go on with where no more slots are free; default: all, so that a job that loses one waits for another slot.", null, 1, 1024),
        ["device"] = Choice("Device kind.", "auto", "auto", "cpu", "cuda"),
        ["memory_gb"] = Number("Memory to reserve in GiB; default: estimated.", null, 0.001, 1e6),
        ["priority"] = Int("Higher runs first.", 0, -100, 100),
        ["preemptible"] = Bool("May make way for a higher priority, after a checkpoint.", true),
        ["queue"] = Text("Queue name.", "default"),
    });

    private static JsonObject Evaluation() => Object("Evaluation on the validation data.", [], new()
    {
        ["every_steps"] = Int("Optimizer steps between evaluations; default: once, at the end.", null, 1, 1_000_000),
        ["gates"] = new JsonObject
        {
            ["type"] = "array", ["default"] = new JsonArray(), ["description"] = "The result is registered only if these hold.",
            ["items"] = Object("A bound on a metric.", required: ["metric"], new()
            {
                ["metric"] = Choice("Metric; accuracy and macro F1 are a classifier's.", null, "valid_loss", "train_loss", "valid_accuracy", "valid_macro_f1"),
                ["max"] = Number("Upper bound.", null, -1e12, 1e12),
                ["min"] = Number("Lower bound.", null, -1e12, 1e12),
            }),
        },
    });

    private static JsonObject Object(string description, string[] required, Dictionary<string, JsonObject> properties)
    {
        var members = new JsonObject();
        foreach (var (name, schema) in properties) members[name] = schema;
        return new JsonObject
        {
            ["type"] = "object",
            ["description"] = description,
            ["properties"] = members,
            ["required"] = new JsonArray([.. required.Select(r => (JsonNode)r)]),
            ["additionalProperties"] = false,
        };
    }

    private static JsonObject Leaf(string type, string description, JsonNode? value, bool nullable)
    {
        var schema = new JsonObject
        {
            ["type"] = nullable ? new JsonArray(type, "null") : type,
            ["description"] = description,
        };
        if (value is not null) schema["default"] = value;
        return schema;
    }

    private static JsonObject Text(string description, string? value, bool nullable = false, int maxLength = 500)
    {
        var schema = Leaf("string", description, value, nullable);
        schema["minLength"] = 1;
        schema["maxLength"] = maxLength;
        return schema;
    }

    private static JsonObject Int(string description, long? value, long minimum, long maximum)
    {
        var schema = Leaf("integer", description, value is { } v ? JsonValue.Create(v) : null, nullable: value is null);
        schema["minimum"] = minimum;
        schema["maximum"] = maximum;
        return schema;
    }

    private static JsonObject Number(string description, double? value, double minimum, double maximum, bool nullable = false)
    {
        var schema = Leaf("number", description, value is { } v ? JsonValue.Create(v) : null, nullable || value is null);
        schema["minimum"] = minimum;
        schema["maximum"] = maximum;
        return schema;
    }

    private static JsonObject Bool(string description, bool value) => Leaf("boolean", description, value, nullable: false);

    private static JsonObject Choice(string description, string? value, params string[] choices)
    {
        var schema = Leaf("string", description, value, nullable: value is null);
        schema["enum"] = new JsonArray([.. choices.Select(c => (JsonNode)c)]);
        return schema;
    }

    private static JsonObject Choices(string description, IEnumerable<string> choices)
    {
        var schema = List(description, "string");
        schema["items"]!["enum"] = new JsonArray([.. choices.Select(c => (JsonNode)c)]);
        return schema;
    }

    private static JsonObject List(string description, string itemType) => new()
    {
        ["type"] = "array", ["items"] = new JsonObject { ["type"] = itemType }, ["default"] = new JsonArray(), ["description"] = description,
    };

    private static JsonObject Map(string description, string valueType) => new()
    {
        ["type"] = "object", ["additionalProperties"] = new JsonObject { ["type"] = valueType }, ["default"] = new JsonObject(),
        ["description"] = description,
    };
}
