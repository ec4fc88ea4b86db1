using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Gateway.Pages;

/// <summary>One field of the form, and where in a job's spec it belongs.</summary>
/// <param name="Path">Members from the spec's root on.</param>
/// <param name="Number">Whether it is a number in the spec.</param>
internal sealed record JobField(string Label, string[] Path, bool Number = false, string[]? Choices = null, string? List = null, bool Required = false)
{
    public string Name => string.Join('.', Path);
}

/// <summary>The new-job form as text, and as the spec that it stands for. What a spec can hold besides is JSON in one more field.</summary>
internal sealed class JobForm
{
    /// <summary>The field for the rest, as JSON.</summary>
    public const string Rest = "more";

    /// <summary>Lists of the page that a field offers.</summary>
    public const string Models = "models";
    public const string Datasets = "datasets";

    private const string Adapter = "adapter";

    private readonly Dictionary<string, string> _values;

    private JobForm(Dictionary<string, string> values) => _values = values;

    public static IReadOnlyList<(string Title, IReadOnlyList<JobField> Fields)> Groups { get; } =
    [
        ("What", [new("Name", ["name"]), new("Base model", ["base_model"], List: Models, Required: true), new("Result, org/name", [Adapter], Required: true)]),
        ("Data", [new("Training data", ["data", "train"], List: Datasets, Required: true), new("Validation data", ["data", "validation"], List: Datasets), new("Longest example, tokens", ["data", "sequence_length"], Number: true)]),
        ("Method", [new("Objective", ["objective", "type"], Choices: ["supervised", "dpo", "classification"]), new("Trained", ["method", "type"], Choices: ["lora", "full"]), new("Base stored as", ["method", "quantization"], Choices: ["none", "nf4"]), new("Rank", ["method", "rank"], Number: true), new("Alpha", ["method", "alpha"], Number: true)]),
        ("Steps", [new("Learning rate", ["optimizer", "learning_rate"], Number: true), new("Schedule", ["optimizer", "schedule"], Choices: ["cosine", "linear", "constant"]), new("Passes over the data", ["optimizer", "epochs"], Number: true), new("Steps, instead of passes", ["optimizer", "max_steps"], Number: true), new("Examples a step", ["optimizer", "batch_size"], Number: true), new("Seed", ["optimizer", "seed"], Number: true)]),
        ("Where", [new("Workers", ["resources", "workers"], Number: true), new("Queue", ["resources", "queue"]), new("Priority", ["resources", "priority"], Number: true)]),
    ];

    private static IEnumerable<JobField> Fields => Groups.SelectMany(g => g.Fields);

    public string this[string field] => _values.GetValueOrDefault(field, "");

    public static JobForm Read(IFormCollection form) => new(form.Keys.ToDictionary(k => k, k => form[k].ToString().Trim()));

    /// <summary>An empty form; what is known of the caller and of the address is filled in.</summary>
    public static JobForm Empty(IQueryCollection query, string org) => new(query.Keys.ToDictionary(k => k, k => query[k].ToString())) { _values = { [Adapter] = query[Adapter].ToString() is { Length: > 0 } given ? given : $"{org}/" } };

    /// <summary>The form that gives this spec again.</summary>
    public static JobForm Of(JobSpec spec)
    {
        var rest = JsonSerializer.SerializeToNode(spec, GridJson.Options)!.AsObject();
        var values = new Dictionary<string, string>();
        foreach (var field in Fields)
        {
            var parent = field.Path[..^1].Aggregate(rest, (JsonObject? at, string name) => at?[name] as JsonObject);
            if (parent?[field.Path[^1]] is not JsonValue value) continue;
            values[field.Name] = value.ToString();
            parent.Remove(field.Path[^1]);
        }
        values[Rest] = rest.ToJsonString(GridJson.Indented);
        return new JobForm(values);
    }

    /// <exception cref="GridException">The rest is no JSON object. All else is told by what reads specs.</exception>
    public JsonObject ToSpec()
    {
        var spec = this[Rest].Length == 0 ? [] : ParseRest();
        foreach (var field in Fields.Where(f => this[f.Name].Length > 0))
        {
            var at = spec;
            foreach (var name in field.Path[..^1])
            {
                if (at[name] is not JsonObject next) at[name] = next = [];
                at = next;
            }
            at[field.Path[^1]] = field.Number ? Number(this[field.Name]) : JsonValue.Create(this[field.Name]);
        }
        return spec;
    }

    /// <summary>What is no number goes on as the text that it is, and is refused by name.</summary>
    private static JsonValue Number(string text) =>
        long.TryParse(text, CultureInfo.InvariantCulture, out var whole) ? JsonValue.Create(whole)
        : double.TryParse(text, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? JsonValue.Create(number) : JsonValue.Create(text);

    private JsonObject ParseRest()
    {
        try
        {
            return JsonNode.Parse(this[Rest], documentOptions: new JsonDocumentOptions { MaxDepth = 32, AllowDuplicateProperties = false }) as JsonObject ?? throw NoObject(null);
        }
        catch (JsonException e)
        {
            throw NoObject(e);
        }
    }

    private static GridException NoObject(Exception? inner) =>
        new(ErrorCodes.InvalidJson, $"The further settings are no JSON object{(inner is null ? "" : $": {inner.Message}")}; write them as {{\"checkpoint\": {{\"every_steps\": 20}}}}.", Rest, inner);
}
