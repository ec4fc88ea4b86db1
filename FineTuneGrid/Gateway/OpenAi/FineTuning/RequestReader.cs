using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Gateway.OpenAi.FineTuning;

/// <summary>Reads a request for a job from untrusted JSON: what is unknown, mistyped or out of range is refused by the parameter's path.</summary>
internal static partial class RequestReader
{
    private const int MaxDepth = 32;
    private const int LongestName = 500;
    private const int LongestSuffix = 64;
    private const int MaxPairs = 16;
    private const int LongestKey = 64;
    private const int LongestValue = 512;
    private const int MaxEpochs = 100_000;
    private const int MaxBatch = 1 << 20;
    private const double MaxMultiplier = 50_000;
    private const double MaxBeta = 1000;

    private static readonly string[] Methods = [MethodTypes.Supervised, MethodTypes.Dpo, MethodTypes.Reinforcement];

    /// <exception cref="GridException"><c>invalid_json</c>, <c>missing_field</c>, <c>unknown_field</c> or <c>invalid_value</c>.</exception>
    public static FineTuningRequest Read(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonNode.Parse(json, null, new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false }) is JsonObject body
                ? Read(new JsonFields(body, ""))
                : throw new GridException(ErrorCodes.InvalidJson, "The body must be a JSON object.");
        }
        catch (JsonException e)
        {
            throw new GridException(ErrorCodes.InvalidJson, $"The body is not valid JSON: {e.Message}", inner: e);
        }
        catch (InvalidOperationException e)
        {
            // Half a surrogate pair is JSON, and no text.
            throw new GridException(ErrorCodes.InvalidJson, "The body holds a text with half a character (an unpaired surrogate escape).", inner: e);
        }
    }

    private static FineTuningRequest Read(JsonFields body)
    {
        body.RefuseOthers("model", "training_file", "validation_file", "suffix", "seed", "method", "hyperparameters", "integrations", "metadata");
        RefuseIntegrations(body);
        return new FineTuningRequest
        {
            Model = body.RequiredText("model", LongestName, "the name of a base model"),
            TrainingFile = body.RequiredText("training_file", LongestName, "the id of an uploaded file"),
            ValidationFile = body.Text("validation_file", LongestName),
            Suffix = Suffix(body),
            Seed = body.Whole("seed", 0, long.MaxValue),
            Metadata = Metadata(body),
            Method = Method(body),
        };
    }

    private static string? Suffix(JsonFields body)
    {
        const string name = "suffix";
        if (body.Text(name, LongestSuffix)?.ToLowerInvariant() is not { } suffix) return null;
        return NamePattern().IsMatch(suffix) ? suffix : throw body.Wrong(name, "letters a to z, digits, '.', '_' and '-', beginning with a letter or digit", body.Get(name));
    }

    private static Dictionary<string, string> Metadata(JsonFields body)
    {
        const string name = "metadata";
        var found = new Dictionary<string, string>();
        if (body.Object(name) is null) return found;
        var given = (JsonObject)body.Get(name)!;
        if (given.Count > MaxPairs) throw new GridException(ErrorCodes.InvalidValue, $"{name} may have at most {MaxPairs} pairs, not {given.Count}.", name);
        foreach (var (key, value) in given)
        {
            if (key.Length is 0 or > LongestKey) throw new GridException(ErrorCodes.InvalidValue, $"A key of {name} must have 1 to {LongestKey} characters, not {key.Length}.", name);
            if (value?.GetValueKind() != JsonValueKind.String) throw new JsonFields(given, name).Wrong(key, "a text", value);
            var text = value.GetValue<string>();
            if (text.Length > LongestValue) throw new GridException(ErrorCodes.InvalidValue, $"{name}.{key} may have at most {LongestValue} characters, not {text.Length}.", $"{name}.{key}");
            found[key] = text;
        }
        return found;
    }

    private static FineTuningMethod Method(JsonFields body)
    {
        var method = body.Object("method") ?? JsonFields.None("method");
        method.RefuseOthers(["type", .. Methods]);
        var type = TypeOf(body, method);
        foreach (var other in Methods.Where(m => m != type && method.Get(m) is not null))
            throw new GridException(ErrorCodes.InvalidValue, $"method.{other} needs method.type '{other}'.", $"method.{other}");
        var own = method.Object(type) ?? JsonFields.None(method.PathOf(type));
        own.RefuseOthers("hyperparameters", "lora");
        var (inner, old) = (own.Object("hyperparameters"), body.Object("hyperparameters"));
        if (inner is not null && old is not null)
            throw new GridException(ErrorCodes.InvalidValue, $"hyperparameters and {own.PathOf("hyperparameters")} exclude each other: give the latter.", "hyperparameters");
        var hyper = inner ?? old ?? JsonFields.None(own.PathOf("hyperparameters"));
        hyper.RefuseOthers(["n_epochs", "batch_size", "learning_rate_multiplier", .. type == MethodTypes.Dpo ? (string[])["beta"] : []]);
        var lora = own.Object("lora") is null ? null : (JsonObject)own.Get("lora")!;
        return new FineTuningMethod(type, new ParameterNames(old is null ? own.PathOf("hyperparameters") : "hyperparameters", own.PathOf("lora"), lora?["learning_rate"] is not null),
            hyper.WholeOrAuto("n_epochs", 1, MaxEpochs), hyper.WholeOrAuto("batch_size", 1, MaxBatch), hyper.PositiveOrAuto("learning_rate_multiplier", MaxMultiplier),
            hyper.PositiveOrAuto("beta", MaxBeta), lora);
    }

    private static string TypeOf(JsonFields body, JsonFields method)
    {
        if (body.Get("method") is null) return MethodTypes.Supervised;
        var type = method.RequiredText("type", LongestName, $"{MethodTypes.Supervised} or {MethodTypes.Dpo}");
        if (type is MethodTypes.Supervised or MethodTypes.Dpo) return type;
        throw type == MethodTypes.Reinforcement
            ? new GridException(ErrorCodes.InvalidValue, $"method.type '{type}' is not offered here; use {MethodTypes.Supervised} or {MethodTypes.Dpo}.", "method.type")
            : method.Wrong("type", $"{MethodTypes.Supervised} or {MethodTypes.Dpo}", method.Get("type"));
    }

    private static void RefuseIntegrations(JsonFields body)
    {
        const string name = "integrations";
        if (body.Get(name) is not { } given) return;
        if (given is not JsonArray list) throw body.Wrong(name, "a list", given);
        if (list.Count > 0)
            throw new GridException(ErrorCodes.InvalidValue, $"{name}: Weights & Biases is not connected here; leave it out, and read the steps from the job's events or its result file.", name);
    }

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9._-]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();
}
