using System.Text;
using System.Text.Json;
using FineTuneGrid.Cli.Tests.Support;

namespace FineTuneGrid.Cli.Tests;

/// <summary><c>dataset inspect</c> with the real inspector process, and no server.</summary>
[Collection(ServerCollection.Name)]
public sealed class InspectTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ftg-inspect-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Inspect_GoodRows_TellsFormatColumnsAndSample()
    {
        var file = Write("rows.jsonl", """{"prompt":"2 + 2","completion":"4","note":null}""" + "\n" + """{"prompt":"3 + 3","completion":"6","note":1.5}""");
        var call = await Call.RunAsync("dataset", "inspect", file);
        Assert.True(call.ExitCode == 0, call.Errors);
        Assert.Contains("format   prompt-completion", call.Output);
        Assert.Contains($"file     {file}: 2 rows in 1 shard of at most 2", call.Output);
        Assert.Contains("column   note: null or number", call.Output);
        Assert.Contains("sample   {\"prompt\":\"2 + 2\"", call.Output);
        Assert.DoesNotContain("bad row", call.Output);
    }

    [Fact]
    public async Task Inspect_BadRows_AreNamedWithNumberAndReason()
    {
        var file = Write("rows.jsonl", """{"prompt":"a","completion":"b"}""" + "\n" + """{"prompt":"a","completion":""}""" + "\n\n{broken\n");
        var call = await Call.RunAsync("dataset", "inspect", file, "--json");
        Assert.Equal((1, $"ftg: 2 of 3 rows cannot be used; the first: {file}, row 2: 'completion' is empty"), (call.ExitCode, call.LastError));
        var preview = JsonDocument.Parse(call.Output).RootElement;
        Assert.Equal((3, 2), (preview.GetProperty("rows").GetInt32(), preview.GetProperty("bad_rows").GetInt32()));
        Assert.Equal([2, 4], preview.GetProperty("findings").EnumerateArray().Select(f => f.GetProperty("row").GetInt32()));
        Assert.Equal("b", preview.GetProperty("sample").GetProperty("completion").GetString());
    }

    [Fact]
    public async Task Inspect_ColumnsThatFitNothing_ShowsThemAndSaysWhatWould()
    {
        var call = await Call.RunAsync("dataset", "inspect", Write("rows.jsonl", """{"question":"a"}"""));
        Assert.Equal(1, call.ExitCode);
        Assert.Contains("column   question: string", call.Output);
        Assert.Contains("prompt-completion (prompt, completion)", call.LastError);
    }

    [Theory]
    [InlineData("x.parquet", "PAR1 and then nothing that is one")]
    [InlineData("x.parquet", "no magic")]
    [InlineData("x.parquet", "")]
    [InlineData("x.csv", "a,b")]
    [InlineData("x.jsonl", "")]
    [InlineData("x.jsonl", "[\n{\"prompt\":\"a\"}]")]
    public async Task Inspect_FileThatIsNone_IsOneLine(string name, string content)
    {
        var call = await Call.RunAsync("dataset", "inspect", Write(name, content));
        Assert.Equal(1, call.ExitCode);
        Assert.Empty(call.Output);
        Assert.Single(call.Errors.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task Inspect_NothingThere_IsWrongUsage()
    {
        var call = await Call.RunAsync("dataset", "inspect", "/no/such/rows.jsonl");
        Assert.Equal((2, "ftg: /no/such/rows.jsonl does not exist"), (call.ExitCode, call.LastError));
    }

    private string Write(string name, string content)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, Encoding.UTF8.GetBytes(content));
        return path;
    }
}
