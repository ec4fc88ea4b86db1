using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace FineTuneGrid.EndToEnd;

/// <summary>What users get wrong, through the real host: a typed error that names the field and the fix, and the service stays up.</summary>
[Collection(SharedGrid.Name)]
public sealed class BadInputTests(SharedGrid shared) : IAsyncLifetime
{
    private GridProcess Grid => shared.Grid;

    public Task InitializeAsync() => Task.CompletedTask;

    /// <summary>After every refusal the service is there, by the same process.</summary>
    public async Task DisposeAsync()
    {
        (await Grid.GetAsync("/readyz")).Ok();
        Assert.Single(Grid.Processes(), p => p.Part == Part.Host);
    }

    [Theory]
    [InlineData("""{"base_model": "nowhere"}""", "not_found", "nowhere", "base_model")]
    [InlineData("""{"data": {"train": "nothing"}}""", "not_found", "nothing", "data.train")]
    [InlineData("""{"learning_rat": 1}""", "invalid_spec", "learning_rat", "learning_rat")]
    [InlineData("""{"method": {"ranks": 4}}""", "invalid_spec", "method.ranks", "method.ranks")]
    [InlineData("""{"method": {"rank": 0}}""", "invalid_spec", "rank", "method.rank")]
    [InlineData("""{"method": {"rank": "four"}}""", "invalid_spec", "rank", "method.rank")]
    [InlineData("""{"method": {"rank": 33}}""", "invalid_value", "use a rank of 1 to 32", "method.rank")]
    [InlineData("""{"method": {"target_modules": ["query"]}}""", "invalid_value", "down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj", "method.target_modules")]
    [InlineData("""{"data": {"train": "train", "format": "chat"}}""", "invalid_dataset", "messages", null)]
    [InlineData("""{"data": {"train": "train", "format": "tokens", "sequence_length": 24}}""", "sequence_too_long", "Set data.sequence_length to at least", "data.sequence_length")]
    public async Task Job_WithABadField_IsRefusedByName(string change, string code, string says, string? field)
    {
        var job = TinyData.Job("team/refused", spec =>
        {
            foreach (var (name, value) in JsonNode.Parse(change)!.AsObject()) spec[name] = value!.DeepClone();
        });
        Refused(await Grid.PlanAsync(job), code, says, field);
    }

    [Fact]
    public async Task Job_WithRowsLongerThanTheModelsContext_SaysHowManyAndWhatToDo()
    {
        var ids = string.Join(',', Enumerable.Repeat(20, TinyModel.Context + 1));
        var rows = $"{{\"input_ids\":[1,2,3]}}\n{{\"input_ids\":[{ids}]}}\n";
        (await Grid.AddAsync("datasets", "too-long", ("rows.jsonl", Encoding.UTF8.GetBytes(rows)))).Ok();
        var answer = await Grid.PlanAsync(TinyData.Job("team/refused", j => j["data"] = new JsonObject { ["train"] = "too-long", ["sequence_length"] = 2048 }));
        Refused(answer, "sequence_too_long", "the longest has 257. Nothing is cut silently. The model's context ends at 256", "data.sequence_length");
    }

    [Fact]
    public async Task Job_WithRowsWithoutAnAssistantTurn_NamesTheRow()
    {
        const string rows = """
            {"messages":[{"role":"user","content":"one"},{"role":"user","content":"two"}]}

            """;
        var commit = await Grid.AddAsync("datasets", "no-answer", ("rows.jsonl", Encoding.UTF8.GetBytes(rows)));
        var answer = commit.Status == HttpStatusCode.OK
            ? await Grid.PlanAsync(TinyData.Job("team/refused", j => j["data"] = new JsonObject { ["train"] = "no-answer" }))
            : commit;
        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.Status);
        Assert.Contains("assistant", answer.Text, StringComparison.Ordinal);
        Assert.Contains("row", answer.Text, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task DataSet_Empty_IsRefused() =>
        Refused(await Grid.AddAsync("datasets", "empty", ("rows.jsonl", [])), "empty_dataset", "no rows", null);

    [Fact]
    public async Task DataSet_ThatIsNotParquet_IsRefused() =>
        Refused(await Grid.AddAsync("datasets", "not-parquet", ("rows.parquet", "This is a text about parquet floors."u8.ToArray())), "invalid_parquet", "rows.parquet", null);

    [Theory]
    [InlineData(0.3)]
    [InlineData(0.99)]
    public async Task DataSet_OfTruncatedParquet_IsRefused(double part)
    {
        var whole = await File.ReadAllBytesAsync(Path.Combine(Programs.Repository, "datasets", "samples", "train.parquet"));
        Refused(await Grid.AddAsync("datasets", $"truncated-{part * 100:0}", ("rows.parquet", whole[..(int)(whole.Length * part)])), "invalid_parquet", "rows.parquet", null);
    }

    [Fact]
    public async Task Model_OfTruncatedWeights_IsRefused()
    {
        var files = TinyModel.Files.Select(f => f.Path == "model.safetensors" ? (f.Path, f.Bytes[..(f.Bytes.Length / 2)]) : f).ToArray();
        Refused(await Grid.AddAsync("models", "truncated", files), "invalid_safetensors", "model.safetensors", null);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("ftg_wrong")]
    public async Task Request_WithoutAValidKey_Gets401(string? key)
    {
        using var client = new HttpClient { BaseAddress = Grid.Http.BaseAddress };
        if (key is not null) client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        using var response = await client.GetAsync(new Uri("/api/v1/jobs", UriKind.Relative));
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Contains("unauthenticated", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Host_OnAPortInUse_EndsWithTwoAndOneLine()
    {
        var data = GridProcess.NewDataDirectory();
        try
        {
            var port = Grid.Http.BaseAddress!.Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
            var (code, output) = await HostProgram.EndedAsync("--data", data, "--port", port, "--no-samples");
            Assert.Equal(2, code);
            Assert.Contains(port, OnlyLine(output), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task Host_OnADataDirectoryInUse_EndsWithTwoAndOneLine()
    {
        var (code, output) = await HostProgram.EndedAsync("--data", Grid.Data, "--port", "0", "--no-samples");
        Assert.Equal(2, code);
        Assert.Contains(Grid.Data, OnlyLine(output), StringComparison.Ordinal);
    }

    private static string OnlyLine(string output)
    {
        var line = Assert.Single(output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("error: ", line, StringComparison.Ordinal);
        return line;
    }

    private static void Refused(Answer answer, string code, string says, string? field)
    {
        Assert.True((int)answer.Status is >= 400 and < 500, $"HTTP {(int)answer.Status}: {answer.Text}");
        Assert.True(answer["code"] == code && answer["detail"]!.Contains(says, StringComparison.Ordinal) && (field is null || answer["field"] == field),
            $"expected {code} on {field} saying '{says}', got: {answer.Text}");
    }
}
