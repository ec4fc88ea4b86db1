using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Shards.Tests.Support;

namespace FineTuneGrid.Shards.Tests;

public sealed class DatasetInspectionTests : IDisposable
{
    private const string Chat = """{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hello"}]}""";

    private readonly DataFolder _data = new();

    [Fact]
    public async Task Inspect_ParquetChat_GivesOneShardARowGroup()
    {
        var rows = Enumerable.Range(0, 25).Select(i => new[] { ("user", (string?)$"question {i}"), ("assistant", $"answer {i}") }).ToArray();
        var file = await _data.AddChatParquetAsync("train.parquet", rows, groupSize: 10);
        var manifest = await InspectAsync(file, await _data.AddAsync("README.md", "about"));
        Assert.Equal(("chat", 25L), (manifest.Format, manifest.Rows));
        Assert.Equal(["messages"], manifest.Columns);
        Assert.Equal([(0, 0L, 10L), (1, 10L, 10L), (2, 20L, 5L)], manifest.Shards.Select(s => (s.RowGroup, s.FirstRow, s.Rows)));
        Assert.Equal(64, manifest.Digest.Length);
    }

    [Fact]
    public async Task Inspect_FilesInAnotherOrder_GiveAnotherDigest()
    {
        var (a, b) = (await _data.AddAsync("a.jsonl", Chat), await _data.AddAsync("b.jsonl", Chat, Chat));
        Assert.NotEqual((await InspectAsync(a, b)).Digest, (await InspectAsync(b, a)).Digest);
        Assert.Equal(3, (await InspectAsync(a, b)).Rows);
    }

    [Theory]
    [InlineData("chat", Chat)]
    [InlineData("prompt-completion", """{"prompt":"2+2","completion":"4"}""")]
    [InlineData("alpaca", """{"instruction":"add","input":"","output":"4","text":"copy of all"}""")]
    [InlineData("sharegpt", """{"conversations":[{"from":"human","value":"hi"},{"from":"gpt","value":"hello"}]}""")]
    [InlineData("text", """{"text":"once upon a time"}""")]
    [InlineData("tokens", """{"input_ids":[1,2,3],"labels":[-100,2,3]}""")]
    [InlineData("preference", """{"prompt":"a","chosen":"b","rejected":"c"}""")]
    [InlineData("auto", """{"prompt":"a","completion":"b","instruction":"c","output":"d"}""")]
    public async Task Inspect_EachFormat_IsRecognised(string format, string line) =>
        Assert.Equal(format, (await InspectAsync(await _data.AddAsync("rows.jsonl", line))).Format);

    [Fact]
    public async Task Inspect_RecordsHowLongRowsAre_AndTheFirstOnes()
    {
        var longer = $$"""{"prompt":"é","completion":"{{new string('x', 5000)}}"}""";
        var statistics = (await InspectAsync(await _data.AddAsync("a.jsonl", """{"prompt":"ab","completion":"c"}""", longer), await _data.AddAsync("b.jsonl", longer, longer))).Statistics!;
        Assert.Equal((4L, 3L, 5001L, 3 + 3 * 5001L), (statistics.Characters.Count, statistics.Characters.Shortest, statistics.Characters.Longest, statistics.Characters.Total));
        Assert.Equal(["""{"prompt":"ab","completion":"c"}""", longer[..2000] + " ...", longer[..2000] + " ..."], statistics.Samples);
        Assert.Equal(3, (await InspectAsync(await _data.AddAsync("ids.jsonl", """{"input_ids":[1,2,3]}"""))).Statistics!.Characters.Longest);
        Assert.Null((await InspectAsync(await _data.AddAsync("both.jsonl", """{"prompt":"a","completion":"b","instruction":"c","output":"d"}"""))).Statistics);
    }

    [Fact]
    public async Task Inspect_ARowThatDoesNotFit_IsShownWithItsBeginning()
    {
        var bad = $$"""{"prompt":"{{new string('p', 400)}}","completion":""}""";
        var file = await _data.AddAsync("rows.jsonl", """{"prompt":"a","completion":"b"}""", bad);
        var finding = Assert.Single((await Assert.ThrowsAsync<GridException>(() => InspectAsync(file))).Findings);
        Assert.Equal((2L, bad[..300] + " ..."), (finding.Row, finding.Sample));
    }

    [Theory]
    [InlineData("empty_dataset", "no rows", "")]
    [InlineData("empty_dataset", "no rows", "\n\n  \n")]
    [InlineData("invalid_dataset", "fit no format", """{"question":"a"}""")]
    [InlineData("invalid_json", "row 2", Chat + "\n{\"messages\":")]
    [InlineData("invalid_json", "row 2", Chat + "\n[1]")]
    [InlineData("invalid_json", "Duplicate", Chat + "\n{\"messages\":[],\"messages\":[]}")]
    [InlineData("invalid_json", "without brackets", "[" + Chat + "]")]
    [InlineData("invalid_dataset", "no assistant turn", """{"messages":[{"role":"user","content":"hi"}]}""")]
    [InlineData("invalid_dataset", "conversation is empty", """{"messages":[]}""")]
    [InlineData("invalid_dataset", "messages[1].role is 'asistant'", """{"messages":[{"role":"user","content":"hi"},{"role":"asistant","content":"x"}]}""")]
    [InlineData("invalid_dataset", "messages[0].content", """{"messages":[{"role":"user"},{"role":"assistant","content":"x"}]}""")]
    [InlineData("invalid_dataset", "says nothing", """{"messages":[{"role":"assistant","content":""}]}""")]
    [InlineData("invalid_dataset", "'completion' is empty", """{"prompt":"a","completion":""}""")]
    [InlineData("invalid_dataset", "'output' must be a string", """{"instruction":"a","output":4}""")]
    [InlineData("invalid_dataset", "conversations[0].from is 'robot'", """{"conversations":[{"from":"robot","value":"a"}]}""")]
    [InlineData("invalid_dataset", "input_ids[1]", """{"input_ids":[1,-2]}""")]
    [InlineData("invalid_dataset", "'labels' has 1", """{"input_ids":[1,2],"labels":[1]}""")]
    public async Task Inspect_BadRows_AreRefusedByRow(string code, string named, string content)
    {
        var file = await _data.AddAsync("rows.jsonl", content);
        var problem = await Assert.ThrowsAsync<GridException>(() => InspectAsync(file));
        Assert.Equal(code, problem.Code);
        Assert.Contains(named, problem.Message, StringComparison.Ordinal);
        Assert.NotNull(problem.Field);
    }

    [Fact]
    public async Task Inspect_ManyBadLines_NamesTheFirstHundred()
    {
        var file = await _data.AddAsync("rows.jsonl", [Chat, .. Enumerable.Repeat("{", 250)]);
        var problem = await Assert.ThrowsAsync<GridException>(() => InspectAsync(file));
        Assert.Equal(100, problem.Findings.Count);
        Assert.Equal(Enumerable.Range(2, 100).Select(i => (long?)i), problem.Findings.Select(f => f.Row));
        Assert.Contains("250 rows", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_LongLine_IsRefusedAndTheNextLineRead()
    {
        var file = await _data.AddAsync("rows.jsonl", Chat, $$"""{"messages":"{{new string('x', (4 << 20) + 10)}}"}""", "{");
        var problem = await Assert.ThrowsAsync<GridException>(() => InspectAsync(file));
        Assert.Equal([2L, 3L], problem.Findings.Select(f => f.Row!.Value));
        Assert.Contains("longer than 4194304 bytes", problem.Findings[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_InvalidUtf8_NamesTheLine()
    {
        var file = await _data.AddAsync("rows.jsonl", [.. System.Text.Encoding.UTF8.GetBytes(Chat + "\n{\"messages\":\""), 0xFF, .. "\"}"u8]);
        var problem = await Assert.ThrowsAsync<GridException>(() => InspectAsync(file));
        Assert.Contains("UTF-8", Assert.Single(problem.Findings).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_MoreRowsThanASlice_MakesSeveralShards()
    {
        var manifest = await InspectAsync(await _data.AddAsync("rows.jsonl", [.. Enumerable.Repeat("""{"text":"a"}""", 9000)]));
        Assert.Equal([(0, 0L, 4096L), (1, 4096L, 4096L), (2, 8192L, 808L)], manifest.Shards.Select(s => (s.RowGroup, s.FirstRow, s.Rows)));
    }

    [Fact]
    public async Task Inspect_ParquetRowsWithNullAndEmptyLists_AreNamed()
    {
        (string, string?)[][] rows = [[("user", "q"), ("assistant", "a")], [], [("user", "q"), ("assistant", null)]];
        var problem = await Assert.ThrowsAsync<GridException>(async () => await InspectAsync(await _data.AddChatParquetAsync("r.parquet", rows)));
        Assert.Equal([2L, 3L], problem.Findings.Select(f => f.Row!.Value));
        Assert.Contains("empty", problem.Findings[0].Message, StringComparison.Ordinal);
        Assert.Contains("messages[1].content is missing", problem.Findings[1].Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("not a parquet file at all")]
    [InlineData("PAR1")]
    [InlineData("PAR1 but truncated somewhere")]
    public async Task Inspect_WhatIsNotParquet_IsRefused(string content)
    {
        var file = await _data.AddAsync("x.parquet", content);
        var problem = await Assert.ThrowsAsync<GridException>(() => InspectAsync(file));
        Assert.Equal(ErrorCodes.InvalidParquet, problem.Code);
        Assert.Contains("x.parquet", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_UnknownExtension_IsRefused()
    {
        var file = await _data.AddAsync("rows.csv", "a,b");
        Assert.Contains(".parquet", (await Assert.ThrowsAsync<GridException>(() => InspectAsync(file))).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _data.Dispose();

    private Task<DatasetManifest> InspectAsync(params SourceFile[] files) =>
        DatasetInspection.RunAsync(_data.Store, new InspectDatasetRequest("d", files));
}
