using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FineTuneGrid.EndToEnd;

/// <summary>Preferences, DoRA, LoRA+ and a base in four bits, all in one job: from the rows of a data set to an adapter that answers.</summary>
[Collection(SharedGrid.Name)]
public sealed class MethodTests(SharedGrid shared) : IAsyncLifetime
{
    private GridProcess Grid => shared.Grid;

    public async Task InitializeAsync()
    {
        if ((int)(await Grid.GetAsync("/api/v1/datasets/pairs")).Status == 404)
            (await Grid.AddAsync("datasets", "pairs", ("pairs.jsonl", Pairs()))).Ok();
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Job_OnPairsWithEveryMethod_LearnsThemAndPublishesWhatPeftReads()
    {
        var events = new JobEvents(Grid, await Grid.SubmitAsync(TinyData.Job("team/preferred", Everything)));
        await events.SucceededAsync();

        var losses = events.Seen.Where(e => e.Type == "metrics").SelectMany(e => e.Data.GetProperty("steps").EnumerateArray()).Select(s => s.GetProperty("train_loss").GetDouble()).ToList();
        Assert.Equal(Math.Log(2), losses[0], 1e-4);
        Assert.True(losses[^1] < 0.5, $"{losses[^1]}");
        await CheckRewardsAsync(events.Job);

        var config = JsonNode.Parse(await Grid.PullAsync("team/preferred", "adapter_config.json"))!;
        Assert.True((bool)config["use_dora"]!);
        var weights = Encoding.UTF8.GetString(await Grid.PullAsync("team/preferred", "adapter_model.safetensors"));
        Assert.Contains("self_attn.q_proj.lora_magnitude_vector\"", weights, StringComparison.Ordinal);

        var answer = (await Grid.PostAsync("/api/v1/generate", """{"model": "team/preferred", "prompts": ["a"], "max_tokens": 2}""")).Ok();
        Assert.Equal(1, answer.Json.GetProperty("completions").GetArrayLength());
    }

    [Fact]
    public async Task Pairs_WithoutTheirObjective_AreRefusedBeforeAnythingTrains()
    {
        var answer = await Grid.PlanAsync(TinyData.Job("team/refused", job => job["data"] = new JsonObject { ["train"] = "pairs" }));
        Assert.Equal(("invalid_dataset", "data.train"), (answer["code"], answer["field"]));
        Assert.Contains("objective.type to 'dpo'", answer["detail"]!, StringComparison.Ordinal);

        var other = await Grid.PlanAsync(TinyData.Job("team/refused", job => job["objective"] = new JsonObject { ["type"] = "dpo" }));
        Assert.Equal("data.format", other["field"]);
    }

    /// <summary>By TRL's names, in the steps' metrics, each once.</summary>
    private async Task CheckRewardsAsync(string job)
    {
        var rows = (await Grid.GetAsync($"/api/v1/jobs/{job}/metrics?limit=1000")).Ok().Json.GetProperty("data").EnumerateArray().ToList();
        Assert.Equal(Enumerable.Range(1, 40), rows.Select(r => r.GetProperty("step").GetInt32()));
        Assert.Equal(0, Number(rows[0], "rewards/margins"), 1e-3);
        var last = rows[^1];
        Assert.True(Number(last, "rewards/margins") > 0.4 && Number(last, "rewards/accuracies") > 0.8, last.GetRawText());
        foreach (var kind in (string[])["", "eval_"])
        {
            Assert.Equal(Number(last, kind + "rewards/chosen") - Number(last, kind + "rewards/rejected"), Number(last, kind + "rewards/margins"), 1e-6);
            Assert.InRange(Number(last, kind + "rewards/accuracies"), 0, 1);
            Assert.True(Number(last, kind + "logps/chosen") < 0 && Number(last, kind + "logps/rejected") < 0, last.GetRawText());
        }
        Assert.All(rows, r => Assert.Equal(r.TryGetProperty("valid_loss", out _), r.TryGetProperty("eval_rewards/margins", out _)));

        static double Number(JsonElement row, string name) => row.GetProperty(name).GetDouble();
    }

    private static void Everything(JsonObject job)
    {
        job["objective"] = new JsonObject { ["type"] = "dpo", ["beta"] = 0.5 };
        job["data"] = new JsonObject { ["train"] = "pairs", ["validation"] = "pairs", ["sequence_length"] = 128 };
        job["method"] = new JsonObject { ["rank"] = 4, ["alpha"] = 8, ["dora"] = true, ["lora_plus_ratio"] = 4, ["quantization"] = "nf4" };
        job["optimizer"]!["max_steps"] = 40;
    }

    /// <summary>The chosen answer repeats the prompt's letter, the rejected one another's.</summary>
    private static byte[] Pairs()
    {
        var text = new StringBuilder();
        for (var i = 0; i < 48; i++)
        {
            var letter = (char)('a' + i % 8);
            text.Append(JsonSerializer.Serialize(new { prompt = $"{letter} ", chosen = new string(letter, 4), rejected = new string((char)('k' + i % 5), 4) })).Append('\n');
        }
        return Encoding.UTF8.GetBytes(text.ToString());
    }
}
