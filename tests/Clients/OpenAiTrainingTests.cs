using System.Text;
using System.Text.Json;
using FineTuneGrid.Clients.Tests.Support;
using FineTuneGrid.Gateway.Tests.Support;
using Waiting = FineTuneGrid.EndToEnd.Eventually;

namespace FineTuneGrid.Clients.Tests;

/// <summary>The official OpenAI client, from an uploaded file to text by the tuned model, on a grid that trains.</summary>
[Collection(LiveGrid.Name)]
public sealed class OpenAiTrainingTests(LiveGrid grid) : IDisposable
{
    private static readonly string[] Ended = ["succeeded", "failed", "cancelled"];

    private readonly string _folder = Directory.CreateTempSubdirectory("ftg-openai-").FullName;

    private OpenAiClient Client => grid.Client;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Job_GoesFromAFileToTheTunedModel()
    {
        var (train, valid) = (await UploadAsync("train.jsonl", LiveGrid.Rows(24)), await UploadAsync("valid.jsonl", LiveGrid.Rows(4)));
        var made = await Client.CallAsync("fineTuning.jobs.create", new
        {
            model = "tiny", training_file = train, validation_file = valid, suffix = "pens", metadata = new { purpose = "test" },
            method = new { type = "supervised", supervised = new { hyperparameters = new { n_epochs = 2, batch_size = 4, learning_rate_multiplier = 3 }, lora = new { rank = 4, sequence_length = 64 } } },
        });
        var job = await EndAsync(made.Text("id"));
        Assert.True(job.Text("status") == "succeeded", $"{job} {grid.Log}");
        Assert.Equal((train, valid, "test"), (job.Text("training_file"), job.Text("validation_file"), job.GetProperty("metadata").Text("purpose")));
        Assert.True(job.GetProperty("trained_tokens").GetInt64() > 100, job.GetRawText());
        var tuned = job.Text("fine_tuned_model");
        Assert.Equal($"ft:tiny:team:pens:{job.Text("id")["ftjob-".Length..]}", tuned);
        Assert.Contains((await Client.CallAsync("models.list")).EnumerateArray(), m => m.Text("id") == tuned);

        var events = (await Client.CallAsync("fineTuning.jobs.listEvents", job.Text("id"), new { limit = 3 })).EnumerateArray().ToList();
        Assert.Equal("succeeded", events[0].GetProperty("data").Text("status"));
        Assert.Equal(12, events.Where(e => e.Text("type") == "metrics").Max(e => e.GetProperty("data").GetProperty("step").GetInt32()));

        var checkpoints = (await Client.CallAsync("fineTuning.jobs.checkpoints.list", job.Text("id"), new { limit = 1 })).EnumerateArray().ToList();
        Assert.Equal([12, 6], checkpoints.Select(c => c.GetProperty("step_number").GetInt32()));
        Assert.All(checkpoints, c => Assert.True(c.GetProperty("metrics").GetProperty("train_loss").GetDouble() > 0 && c.GetProperty("metrics").GetProperty("full_valid_loss").GetDouble() > 0, c.GetRawText()));

        var file = Assert.Single(job.GetProperty("result_files").EnumerateArray()).GetString()!;
        Assert.Equal(file, (await Client.CallAsync("fineTuning.jobs.retrieve", job.Text("id"))).GetProperty("result_files")[0].GetString());
        var csv = (await Client.CallAsync("files.content", file)).Text("text").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("step,train_loss,valid_loss,learning_rate,grad_norm,epoch,tokens,seconds", csv[0]);
        Assert.Equal(Enumerable.Range(1, 12), csv[1..].Select(line => int.Parse(line.Split(',')[0], System.Globalization.CultureInfo.InvariantCulture)));

        // The result, and the epoch before it, write: each by its own weights.
        foreach (var model in (string[])[tuned, checkpoints[1].Text("fine_tuned_model_checkpoint")])
        {
            var text = await Client.CallAsync("completions.create", new { model, prompt = "The box holds 3 pens. Anna", max_tokens = 6, temperature = 0 });
            Assert.Equal(model, text.Text("model"));
            Assert.False(string.IsNullOrEmpty(text.GetProperty("choices")[0].Text("text")), text.GetRawText());
        }
        var gone = await Client.FailAsync("completions.create", new { model = tuned + ":ckpt-step-5", prompt = "a" });
        Assert.Equal(("NotFoundError", "model"), (gone.Kind, gone.Param));
    }

    [Fact]
    public async Task BadLines_AreNamedInTheJobsError()
    {
        var rows = Encoding.UTF8.GetString(LiveGrid.Rows(6)).Split('\n');
        (rows[1], rows[4]) = ("{\"prompt\":", "[]");
        var file = await UploadAsync("bad.jsonl", Encoding.UTF8.GetBytes(string.Join('\n', rows)));
        var job = await EndAsync((await Client.CallAsync("fineTuning.jobs.create", new { model = "tiny", training_file = file })).Text("id"));
        var error = job.GetProperty("error");
        Assert.Equal(("failed", "training_file", "invalid_json"), (job.Text("status"), error.Text("param"), error.Text("code")));
        Assert.Contains("line 2:", error.Text("message"), StringComparison.Ordinal);
        Assert.Contains("line 5:", error.Text("message"), StringComparison.Ordinal);
        Assert.DoesNotContain("line 3:", error.Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Preferences_AreTrainedByDpo()
    {
        const string row = """{"input":{"messages":[{"role":"user","content":"Count."}]},"preferred_output":[{"role":"assistant","content":"One two."}],"non_preferred_output":[{"role":"assistant","content":"No."}]}""";
        var file = await UploadAsync("pairs.jsonl", Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(row + "\n", 4))));
        var job = await EndAsync((await Client.CallAsync("fineTuning.jobs.create", new
        {
            model = "tiny", training_file = file, suffix = "pairs", method = new { type = "dpo", dpo = new { hyperparameters = new { beta = 0.2, n_epochs = 1, batch_size = 2 }, lora = new { rank = 2 } } },
        })).Text("id"));
        Assert.True(job.Text("status") == "succeeded", $"{job} {grid.Log}");
        Assert.Equal(0.2, job.GetProperty("method").GetProperty("dpo").GetProperty("hyperparameters").GetProperty("beta").GetDouble());
        var csv = (await Client.CallAsync("files.content", job.GetProperty("result_files")[0].GetString())).Text("text").Split('\n');
        Assert.EndsWith("rewards/chosen,rewards/rejected,rewards/accuracies,rewards/margins", csv[0], StringComparison.Ordinal);
        Assert.True(csv[1].Split(',')[^1].Length > 0, csv[1]);
    }

    private async Task<string> UploadAsync(string name, byte[] rows)
    {
        var path = Path.Combine(_folder, name);
        await File.WriteAllBytesAsync(path, rows);
        return (await Client.CallAsync("files.create", new { file = OpenAiClient.File(path), purpose = "fine-tune" })).Text("id");
    }

    private async Task<JsonElement> EndAsync(string id)
    {
        var ended = await Waiting.Answered(async () => await Client.CallAsync("fineTuning.jobs.retrieve", id) is var job && Ended.Contains(job.Text("status")) ? (object)job : null, $"the end of {id}", () => grid.Log);
        return (JsonElement)ended;
    }
}
