using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FineTuneGrid.EndToEnd;

/// <summary>From labelled texts to an adapter that tells classes: on an encoder without a head of its own, and on a decoder.</summary>
[Collection(SharedGrid.Name)]
public sealed class ClassifierTests(SharedGrid shared) : IAsyncLifetime
{
    private static readonly string[] Classes = ["gloomy", "plain", "sunny"];

    private GridProcess Grid => shared.Grid;

    public async Task InitializeAsync()
    {
        if ((int)(await Grid.GetAsync("/api/v1/datasets/moods")).Status != 404) return;
        (await Grid.AddAsync("models", "bert", TinyBert.Files)).Ok();
        (await Grid.AddAsync("datasets", "moods", ("moods.jsonl", TinyBert.Rows(192, 1, Classes)))).Ok();
        (await Grid.AddAsync("datasets", "moods-held", ("held.jsonl", TinyBert.Rows(48, 2, Classes)))).Ok();
        (await Grid.AddAsync("datasets", "letters", ("letters.jsonl", TinyBert.Rows(192, 1, Classes, Letter)))).Ok();
        (await Grid.AddAsync("datasets", "letters-held", ("held.jsonl", TinyBert.Rows(48, 2, Classes, Letter)))).Ok();
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Job_OnAnEncoder_LearnsItsClasses_AndTheAdapterTellsThem()
    {
        var id = await Grid.SubmitAsync(Job("team/moods", "bert"));
        var events = new JobEvents(Grid, id);
        await events.SucceededAsync();
        var accuracies = Accuracies(events);
        Assert.True(accuracies[0] < 0.8 && accuracies[^1] > 0.95, string.Join(", ", accuracies));

        var job = (await Grid.GetAsync($"/api/v1/jobs/{id}")).Ok().Json;
        Assert.Equal(Classes, job.GetProperty("resolved").GetProperty("classes").Deserialize<string[]>()!);
        Assert.All(job.GetProperty("resolved").GetProperty("serving").EnumerateArray(), s => Assert.False(s.GetProperty("loads").GetBoolean()));
        var config = JsonNode.Parse(await Grid.PullAsync("team/moods", "adapter_config.json"))!;
        Assert.Equal(("SEQ_CLS", """["classifier","score"]"""), ((string)config["task_type"]!, config["modules_to_save"]!.ToJsonString()));
        var names = JsonNode.Parse(await Grid.PullAsync("team/moods", "id2label.json"))!;
        Assert.Equal(("sunny", 2), ((string)names["id2label"]!["2"]!, (int)names["label2id"]!["sunny"]!));

        var measured = (await Grid.PostAsync("/api/v1/evaluate", """{"model": "team/moods", "dataset": "moods-held"}""")).Ok().Json;
        Assert.Equal(accuracies[^1], measured.GetProperty("classes").GetProperty("accuracy").GetDouble(), 1e-9);
        await TellsClassesAsync("team/moods");

        var more = Job("team/moods-more", "bert", j =>
        {
            j["method"]!["init_adapter"] = "team/moods";
            j["optimizer"]!["max_steps"] = 4;
            j["evaluation"] = JsonNode.Parse("""{"gates": [{"metric": "valid_macro_f1", "min": 0.9}]}""");
        });
        await new JobEvents(Grid, await Grid.SubmitAsync(more)).SucceededAsync();
    }

    [Fact]
    public async Task Job_OnADecoder_LearnsTheClassesToo()
    {
        var events = new JobEvents(Grid, await Grid.SubmitAsync(Job("team/moods-decoder", "base", j =>
        {
            j["data"] = new JsonObject { ["train"] = "letters", ["validation"] = "letters-held" };
            j["optimizer"]!["max_steps"] = 160;
        })));
        await events.SucceededAsync();
        var accuracies = Accuracies(events);
        Assert.True(accuracies[0] < 0.6 && accuracies[^1] > 0.8, string.Join(", ", accuracies));
        var weights = Encoding.UTF8.GetString(await Grid.PullAsync("team/moods-decoder", "adapter_model.safetensors"));
        Assert.Contains("\"base_model.model.score.weight\"", weights, StringComparison.Ordinal);
        var answer = (await Grid.PostAsync("/classify", """{"model": "team/moods-decoder", "input": "g h i g h"}""")).Ok().Json;
        Assert.Contains(answer.GetProperty("data")[0].GetProperty("label").GetString(), Classes);
    }

    [Theory]
    [InlineData("""{"objective": {"type": "supervised"}, "data": {"train": "moods"}}""", "invalid_value", "objective.type")]
    [InlineData("""{"objective": {"type": "classification", "label_column": "mood"}, "data": {"train": "moods"}}""", "invalid_dataset", "objective.label_column")]
    [InlineData("""{"objective": {"type": "classification"}, "data": {"train": "moods", "format": "chat"}}""", "invalid_spec", "data.format")]
    [InlineData("""{"objective": {"type": "classification"}, "data": {"train": "moods"}, "method": {"rank": 4, "modules_to_save": ["decoder"]}}""", "invalid_value", "method.modules_to_save")]
    [InlineData("""{"objective": {"type": "classification"}, "data": {"train": "moods"}, "strict_serving": ["vllm"]}""", "invalid_value", "strict_serving")]
    public async Task Job_ThatCannotBe_IsRefusedByName(string changes, string code, string field)
    {
        var answer = await Grid.PlanAsync(Job("team/refused", "bert", job =>
        {
            foreach (var (name, value) in JsonNode.Parse(changes)!.AsObject()) job[name] = value!.DeepClone();
        }));
        Assert.Equal((code, field), (answer["code"], answer["field"]));
    }

    [Fact]
    public async Task Requests_ThatAnEncoderCannotAnswer_AreRefused()
    {
        var text = await Grid.PostAsync("/api/v1/generate", """{"model": "bert", "prompts": ["w1"]}""");
        Assert.Equal(("unsupported_model", "model"), (text["code"], text["field"]));
        var bare = await Grid.PostAsync("/classify", """{"model": "bert", "input": "w1"}""");
        Assert.Equal(("unsupported_model", "model"), (bare["code"], bare["field"]));
        var decoder = await Grid.PostAsync("/classify", """{"model": "base", "input": "w1"}""");
        Assert.Equal(("unsupported_model", "model"), (decoder["code"], decoder["field"]));
        var input = await Grid.PostAsync("/classify", """{"model": "bert", "input": [["w1"]]}""");
        Assert.Equal(("invalid_value", "input"), (input["code"], input["field"]));
    }

    private async Task TellsClassesAsync(string adapter)
    {
        var body = new JsonObject { ["model"] = adapter, ["input"] = new JsonArray([.. Enumerable.Range(0, 3).Select(c => (JsonNode)$"w30 {TinyBert.Word(3 * c)} {TinyBert.Word(3 * c + 1)} w41 w22")]) };
        var answer = (await Grid.PostAsync("/classify", body.ToJsonString())).Ok().Json;
        Assert.Equal(Classes, answer.GetProperty("data").EnumerateArray().Select(d => d.GetProperty("label").GetString()));
        Assert.All(answer.GetProperty("data").EnumerateArray(), d => Assert.Equal(1, d.GetProperty("probs").EnumerateArray().Sum(p => p.GetDouble()), 1e-6));
    }

    /// <summary>Those that tell the classes are a to i, the common ones j to z.</summary>
    private static string Letter(int word) => $"{(char)(word < 9 ? 'a' + word : 'j' + word % 17)}";

    private static List<double> Accuracies(JobEvents events) =>
    [
        .. events.Seen.Where(e => e.Type == "metrics").SelectMany(e => e.Data.GetProperty("steps").EnumerateArray())
            .Where(s => s.TryGetProperty("valid", out _)).Select(s => s.GetProperty("valid").GetProperty("accuracy").GetDouble()),
    ];

    private static JsonObject Job(string adapter, string model, Action<JsonObject>? change = null)
    {
        var job = JsonNode.Parse($$"""
            {"base_model": "{{model}}", "adapter": "{{adapter}}", "objective": {"type": "classification"},
             "data": {"train": "moods", "validation": "moods-held"}, "method": {"rank": 4, "alpha": 8},
             "optimizer": {"learning_rate": 0.005, "max_steps": 100, "batch_size": 16, "micro_batch_tokens": 128, "seed": 7, "schedule": "constant"},
             "evaluation": {"every_steps": 2}, "checkpoint": {"every_steps": 50} }
            """)!.AsObject();
        change?.Invoke(job);
        return job;
    }
}
