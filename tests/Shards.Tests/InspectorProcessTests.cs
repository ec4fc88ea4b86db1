using System.Diagnostics;
using System.Text;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Shards.Tests.Support;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Shards.Tests;

/// <summary>The real child process, with good and with hostile files.</summary>
public sealed class InspectorProcessTests : IDisposable
{
    private static readonly string[] Command = ["dotnet", Path.Combine(AppContext.BaseDirectory, "FineTuneGrid.Inspector.dll")];

    private readonly DataFolder _data = new();

    [Fact]
    public async Task Run_InspectThenTokenize_GivesManifestAndTokens()
    {
        var file = await _data.AddParquetAsync("a.parquet", ["prompt", "completion"], [["2 + 2 =", " 4"], ["3 + 3 =", " 6"]]);
        var launcher = new InspectorLauncher(Command);
        var dataset = (await launcher.RunAsync(new InspectorRequest(_data.Access, InspectDataset: new InspectDatasetRequest("d", [file])))).Dataset!;
        Assert.Equal("prompt-completion", dataset.Format);
        var reply = await launcher.RunAsync(new InspectorRequest(_data.Access, TokenizeDataset: new TokenizeDatasetRequest(dataset, await _data.AddModelAsync(), "auto", 128)));
        Assert.Null(reply.Error);
        using var tokens = await TokenDataset.OpenAsync(_data.Store, reply.Tokens!);
        Assert.Equal(2, tokens.Count);
    }

    [Fact]
    public async Task Run_Refusal_ComesBackAsAnError()
    {
        var file = await _data.AddAsync("rows.jsonl", """{"prompt":"a","completion":""}""", "{");
        var reply = await new InspectorLauncher(Command).RunAsync(new InspectorRequest(_data.Access, InspectDataset: new InspectDatasetRequest("d", [file])));
        Assert.Equal(ErrorCodes.InvalidJson, reply.Error!.Code);
        Assert.Equal(2, Assert.Single(reply.Error.Findings!).Row);
    }

    [Fact]
    public async Task Run_Preview_TellsTypesRowGroupsAndBadRowsOfLocalFiles()
    {
        var rows = Enumerable.Range(0, 25).Select(i => new[] { ("user", (string?)$"question {i}"), ("assistant", i == 13 ? "" : $"answer {i}") }).ToArray();
        var file = await _data.AddChatParquetAsync("train.parquet", rows, groupSize: 10);
        using var local = await _data.Store.OpenLocalAsync(file.Key);
        var request = new PreviewDatasetRequest([new PreviewFile("train.parquet", local!.Path, file.Length)], "auto");
        var preview = (await new InspectorLauncher(Command).RunAsync(new InspectorRequest(new BlobAccess(), PreviewDataset: request))).Preview!;
        Assert.Equal(("chat", 25L, 1L), (preview.Format, preview.Rows, preview.BadRows));
        Assert.Equal(new PreviewColumn("messages", "list<struct<role: string, content: string>>"), Assert.Single(preview.Columns));
        Assert.Equal([10L, 10L, 5L], preview.Shards.Select(s => s.Rows));
        Assert.Equal(("train.parquet", 14L), (preview.Findings[0].Where, preview.Findings[0].Row));
        Assert.Equal("question 0", preview.Sample!.Value.GetProperty("messages")[0].GetProperty("content").GetString());
    }

    public static TheoryData<string, byte[]> HostileFiles()
    {
        TheoryData<string, byte[]> files = [];
        files.Add("x.parquet", Footer([0x15, 0x80]));
        files.Add("x.parquet", Footer([0x18, 0xFF, 0xFF, 0xFF, 0xFF, 0x07]));
        files.Add("x.parquet", Footer([0x19, 0xF9, 0xFF, 0xFF, 0xFF, 0xFF, 0x07]));
        files.Add("x.parquet", Footer([.. Enumerable.Repeat((byte)0x19, 60_000)]));
        files.Add("x.parquet", [.. "PAR1"u8, .. BitConverter.GetBytes(int.MaxValue), .. "PAR1"u8]);
        files.Add("x.jsonl", Encoding.UTF8.GetBytes(new string('[', 200_000)));
        files.Add("x.jsonl", Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", 200_000))));
        return files;
    }

    [Theory]
    [MemberData(nameof(HostileFiles))]
    public async Task Run_HostileDataset_IsRefusedSoonInLittleMemory(string path, byte[] bytes)
    {
        var file = await _data.AddAsync(path, bytes);
        var request = new InspectorRequest(_data.Access, InspectDataset: new InspectDatasetRequest("d", [file]));
        var launcher = new InspectorLauncher(Command);
        // What a start alone takes on this machine, now; the second, since the first pays for cold files of the runtime.
        await RefusalAsync(launcher, Any());
        var watch = Stopwatch.StartNew();
        await RefusalAsync(launcher, Any());
        var start = watch.Elapsed;
        watch.Restart();
        var code = await RefusalAsync(launcher, request);
        Assert.Contains(code, new[] { ErrorCodes.InvalidParquet, ErrorCodes.InvalidJson, ErrorCodes.InvalidDataset, ErrorCodes.EmptyDataset });
        Assert.True(watch.Elapsed < (start * 4) + TimeSpan.FromSeconds(1), $"{watch.Elapsed}, where a start takes {start}");
        Assert.True(InspectorLimits.For(request).HeapBytes <= 180L << 20);
    }

    [Fact]
    public async Task Run_HostileSafetensorsHeader_IsRefused()
    {
        var folder = new ModelFolder(_data) { Files = { ["model.safetensors"] = [.. BitConverter.GetBytes(99_000_000L), (byte)'{'] } };
        var reply = await new InspectorLauncher(Command).RunAsync(new InspectorRequest(_data.Access, InspectModel: new InspectModelRequest("m", await folder.SaveAsync())));
        Assert.Equal(ErrorCodes.InvalidSafetensors, reply.Error!.Code);
    }

    [Fact]
    public async Task Run_ProcessThatDies_IsATypedError()
    {
        var problem = await Assert.ThrowsAsync<GridException>(() => new InspectorLauncher(["sh", "-c", "echo 'Stack overflow.' >&2; kill -ABRT $$"]).RunAsync(Any()));
        Assert.Equal(ErrorCodes.InvalidDataset, problem.Code);
        Assert.Contains("Stack overflow", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_ProcessThatNeverEnds_IsKilled()
    {
        var limits = new InspectorLimits(100 << 20, TimeSpan.FromMilliseconds(300), 1 << 20);
        var mark = Path.Combine(_data.Root, "pid");
        var watch = Stopwatch.StartNew();
        var problem = await Assert.ThrowsAsync<GridException>(() => new InspectorLauncher(["sh", "-c", $"echo $$ > {mark}; while true; do :; done"], _ => limits).RunAsync(Any()));
        Assert.Equal(ErrorCodes.TooLarge, problem.Code);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10));
        using var process = Find(int.Parse(await File.ReadAllTextAsync(mark), System.Globalization.CultureInfo.InvariantCulture));
        Assert.True(process is null || process.WaitForExit(10_000), "the killed process still runs after 10 s");
    }

    [Fact]
    public async Task Run_ReplyWithoutEnd_IsCut()
    {
        var limits = new InspectorLimits(100 << 20, TimeSpan.FromSeconds(30), 1 << 20);
        var problem = await Assert.ThrowsAsync<GridException>(() => new InspectorLauncher(["sh", "-c", "cat /dev/zero"], _ => limits).RunAsync(Any()));
        Assert.Equal(ErrorCodes.TooLarge, problem.Code);
    }

    [Fact]
    public async Task Run_HeapOverItsLimit_IsATypedError()
    {
        var file = await _data.AddAsync("rows.jsonl", [.. Enumerable.Range(0, 4000).Select(i => JsonSerializer.Serialize(new { text = new string('x', 8000) + i }))]);
        var limits = new InspectorLimits(24 << 20, TimeSpan.FromSeconds(60), 1 << 20);
        Assert.Equal(ErrorCodes.TooLarge, await RefusalAsync(new InspectorLauncher(Command, _ => limits), new InspectorRequest(_data.Access, InspectDataset: new InspectDatasetRequest("d", [file]))));
    }

    [Fact]
    public async Task Run_NoProgram_SaysSo() =>
        Assert.Equal(ErrorCodes.Unavailable, (await Assert.ThrowsAsync<GridException>(() => new InspectorLauncher(["/nonexistent/inspector"]).RunAsync(Any()))).Code);

    [Fact]
    public async Task Run_Secrets_AreNotHandedOn()
    {
        Environment.SetEnvironmentVariable("FTG_TEST_SECRET", "s3cret");
        var problem = await Assert.ThrowsAsync<GridException>(() => new InspectorLauncher(["sh", "-c", "echo \"[$FTG_TEST_SECRET]\" >&2; exit 3"]).RunAsync(Any()));
        Assert.Contains("[]", problem.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _data.Dispose();

    private InspectorRequest Any() => new(_data.Access, InspectDataset: new InspectDatasetRequest("d", []));

    private static async Task<string> RefusalAsync(InspectorLauncher launcher, InspectorRequest request)
    {
        try
        {
            var reply = await launcher.RunAsync(request);
            return reply.Error?.Code ?? "accepted";
        }
        catch (GridException problem)
        {
            return problem.Code;
        }
    }

    private static Process? Find(int id)
    {
        try
        {
            return Process.GetProcessById(id);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private static byte[] Footer(byte[] footer) => [.. "PAR1"u8, .. footer, .. BitConverter.GetBytes(footer.Length), .. "PAR1"u8];
}
