using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FineTuneGrid.EndToEnd;

/// <summary><c>/v1/completions</c> as evaluation harnesses use it: texts scored by echo, on the base model and on an adapter.</summary>
[Collection(SharedGrid.Name)]
public sealed class CompletionTests(SharedGrid shared)
{
    private const double Tolerance = 1e-4;

    private GridProcess Grid => shared.Grid;

    [Theory]
    [InlineData("base")]
    [InlineData(SharedGrid.ReferenceAdapter)]
    public async Task Echo_OfTheRowsOfADataset_SumsToTheLossOfEvaluate(string model)
    {
        int[][] rows = [.. Encoding.UTF8.GetString(TinyData.Rows(12, seed: 2)).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonNode.Parse(line)!["input_ids"]!.Deserialize<int[]>()!)];

        // As lm-evaluation-harness asks: one token more than is scored.
        var answer = await CompleteAsync(new { model, prompt = rows, max_tokens = 1, temperature = 0, logprobs = 1, echo = true, seed = 1234 });
        var (sum, count) = (0.0, 0);
        foreach (var (choice, row) in answer.GetProperty("choices").EnumerateArray().Zip(rows))
        {
            var logprobs = choice.GetProperty("logprobs");
            var scores = logprobs.GetProperty("token_logprobs").EnumerateArray().ToList();
            Assert.Equal(row.Length + 1, scores.Count);
            Assert.Equal(JsonValueKind.Null, scores[0].ValueKind);
            Assert.Equal(scores.Count, logprobs.GetProperty("tokens").GetArrayLength());
            Assert.Equal(scores.Count, logprobs.GetProperty("text_offset").GetArrayLength());
            var top = logprobs.GetProperty("top_logprobs").EnumerateArray().ToList();
            for (var i = 1; i < scores.Count; i++)
                Assert.True(top[i].EnumerateObject().Max(t => t.Value.GetDouble()) >= scores[i].GetDouble());
            sum -= scores[1..^1].Sum(s => s.GetDouble());
            count += row.Length - 1;
        }

        var evaluated = (await Grid.PostAsync("/api/v1/evaluate", new JsonObject { ["model"] = model, ["dataset"] = "validation", ["format"] = "tokens" }.ToJsonString())).Ok().Json;
        Assert.Equal(evaluated.GetProperty("supervised_tokens").GetInt64(), count);
        Assert.Equal(evaluated.GetProperty("loss").GetDouble(), sum / count, Tolerance);
    }

    [Fact]
    public async Task Completion_OfATextAndOfItsIds_IsTheSame()
    {
        const string text = "Anna packed six pens.";
        var ids = (await Grid.PostAsync("/tokenize", JsonSerializer.Serialize(new { model = "base", prompt = text }))).Ok().Json.GetProperty("tokens").Deserialize<int[]>()!;

        var one = await CompleteAsync(new { model = "base", prompt = text, max_tokens = 4, temperature = 0, logprobs = 0, echo = true });
        var other = await CompleteAsync(new { model = "base", prompt = ids, max_tokens = 4, temperature = 0, logprobs = 0, echo = true });

        var (choice, again) = (one.GetProperty("choices")[0], other.GetProperty("choices")[0]);
        Assert.StartsWith(text, choice.GetProperty("text").GetString(), StringComparison.Ordinal);
        Assert.Equal(choice.GetRawText(), again.GetRawText());
        Assert.Equal(("text_completion", "base"), (one.GetProperty("object").GetString(), one.GetProperty("model").GetString()));
        var usage = one.GetProperty("usage");
        Assert.Equal(ids.Length, usage.GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(usage.GetProperty("total_tokens").GetInt32(), ids.Length + usage.GetProperty("completion_tokens").GetInt32());
        Assert.Equal(text, string.Concat(choice.GetProperty("logprobs").GetProperty("tokens").EnumerateArray().Take(ids.Length).Select(t => t.GetString())));
    }

    [Fact]
    public async Task Completion_ByAnUnknownModel_FailsInOpenAisShape()
    {
        var answer = await Grid.PostAsync("/v1/completions", """{"model":"no-such-model","prompt":"a"}""");

        Assert.Equal(HttpStatusCode.NotFound, answer.Status);
        var error = answer.Json.GetProperty("error");
        Assert.Equal(("invalid_request_error", "model", "model_not_found"), (error.GetProperty("type").GetString(), error.GetProperty("param").GetString(), error.GetProperty("code").GetString()));
        Assert.Contains("no-such-model", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    private async Task<JsonElement> CompleteAsync(object request) => (await Grid.PostAsync("/v1/completions", JsonSerializer.Serialize(request))).Ok().Json;
}
