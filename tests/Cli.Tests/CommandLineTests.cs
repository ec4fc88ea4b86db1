using System.Text.Json;
using FineTuneGrid.Cli.Tests.Support;

namespace FineTuneGrid.Cli.Tests;

/// <summary>Exit codes, last lines, help, JSON.</summary>
[Collection(ServerCollection.Name)]
public sealed class CommandLineTests(SmallServer server)
{
    [Theory]
    [InlineData("nonsense")]
    [InlineData("job")]
    [InlineData("job", "show")]
    [InlineData("job", "list", "--colour")]
    [InlineData("key", "create", "me", "--role", "owner")]
    [InlineData("key", "create", "me", "--scope", "everything")]
    [InlineData("key", "create", "me", "--expires", "soon")]
    [InlineData("audit", "--since", "1y")]
    [InlineData("org", "add-member", "team", "ann", "--role", "admin")]
    [InlineData("job", "verify-resume", "job-x", "--from-step", "first")]
    [InlineData("job", "submit", "/no/such/spec.json")]
    [InlineData("dataset", "add", "d", "/no/such.parquet")]
    [InlineData("model", "add", "m", "/no/such/folder")]
    [InlineData("adapter", "pull", "no-slash", "out")]
    [InlineData("org", "quota", "team", "GiB")]
    [InlineData("org", "quota", "team", "9000000TiB")]
    [InlineData("org", "quota", "team", "5GB")]
    [InlineData()]
    public async Task WrongUsage_IsTwo_AndSaysWhy(params string[] args)
    {
        var call = await Call.RunAsync(args);
        Assert.Equal(2, call.ExitCode);
        Assert.StartsWith("ftg: ", call.LastError);
        Assert.Empty(call.Output);
    }

    [Fact]
    public async Task Refusal_IsOne_WithTheServersWords()
    {
        var call = await Call.RunAsync("job", "show", "job-x");
        Assert.Equal((1, "ftg: 404: There is no job 'job-x'."), (call.ExitCode, call.LastError));
    }

    [Fact]
    public async Task Refusal_WithFindings_EndsWithTheReason()
    {
        var spec = Path.GetTempFileName();
        await File.WriteAllTextAsync(spec, "{}");
        var call = await Call.RunAsync("job", "submit", spec);
        File.Delete(spec);
        Assert.Equal((1, "ftg: 422: method.rank must be at least 1. (1 more)"), (call.ExitCode, call.LastError));
        Assert.Contains("name is too long.", call.Errors);
    }

    [Fact]
    public async Task Remove_OfWhatIsInUse_ListsTheUsers()
    {
        var call = await Call.RunAsync("dataset", "rm", "held");
        Assert.Equal((1, "ftg: 409: 'held' is used by 2 job(s): job-1, job-2."), (call.ExitCode, call.LastError));
    }

    [Theory]
    [InlineData("1024", "1024")]
    [InlineData("200GiB", "214748364800")]
    [InlineData("3tib", "3298534883328")]
    [InlineData("none", "unlimited")]
    public async Task OrgQuota_Sizes_AreBytes(string size, string bytes) =>
        Assert.Equal($"team uses 5 of {bytes} bytes", (await Call.RunAsync("org", "quota", "team", size)).Output.TrimEnd());

    [Fact]
    public async Task Gc_DryRun_ListsAndSums()
    {
        var call = await Call.RunAsync("gc", "--dry-run");
        Assert.Equal(["uploads  30  drafts/x", "left as it is: jobs/j/: its head is damaged", "uploads: 2 blobs, 30 bytes", "would remove 2 blobs, 30 bytes"], call.Output.TrimEnd().Split('\n'));
        Assert.EndsWith("removed 2 blobs, 30 bytes", (await Call.RunAsync("gc")).Output.TrimEnd());
    }

    [Fact]
    public async Task MissingKey_SaysWhereOneIs()
    {
        var call = await Call.RunAsync("key", "list");
        Assert.Equal(1, call.ExitCode);
        Assert.Contains("FTG_API_KEY", call.LastError);
    }

    [Fact]
    public async Task ServerThatIsNoGrid_IsOne_WithoutAStack()
    {
        var call = await Call.RunAsync("model", "list");
        Assert.Equal(1, call.ExitCode);
        Assert.Single(call.Errors.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task ServerThatIsNotThere_IsOne_AndNamesTheAddress()
    {
        var url = Environment.GetEnvironmentVariable("FTG_URL");
        try
        {
            Environment.SetEnvironmentVariable("FTG_URL", "http://127.0.0.1:1");
            var call = await Call.RunAsync("job", "list");
            Assert.Equal(1, call.ExitCode);
            Assert.Contains("http://127.0.0.1:1/", call.LastError);
            Environment.SetEnvironmentVariable("FTG_URL", "localhost");
            Assert.Equal(2, (await Call.RunAsync("job", "list")).ExitCode);
        }
        finally
        {
            Environment.SetEnvironmentVariable("FTG_URL", url);
        }
    }

    [Theory]
    [InlineData("adapter", "export", "team/a", "out", "--format", "onnx")]
    [InlineData("model", "export", "tiny", "out", "--format", "merged")]
    [InlineData("model", "export", "tiny", "out", "--format", "gguf", "--dtype", "q4_0")]
    public async Task Export_InAFormatThatThereIsNot_IsWrongUsage(params string[] args)
    {
        var run = await Call.RunAsync(args);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(args[^1], run.Errors);
    }

    [Fact]
    public void Export_IntoAFolderWithOtherFiles_NamesOne()
    {
        var folder = Directory.CreateTempSubdirectory("ftg-export-");
        try
        {
            ExportDownload.CheckFolder(new DirectoryInfo(Path.Combine(folder.FullName, "new")), ["model.gguf"]);
            File.WriteAllText(Path.Combine(folder.FullName, "model.gguf.part"), "");
            File.WriteAllText(Path.Combine(folder.FullName, "export.json"), "");
            ExportDownload.CheckFolder(folder, ["model.gguf", "export.json"]);
            var refusal = Assert.Throws<CliException>(() => ExportDownload.CheckFolder(folder, ["model.gguf"]));
            Assert.Equal(2, refusal.ExitCode);
            Assert.Contains("export.json", refusal.Message);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task KeyCreate_SendsScopesAndItsEnd()
    {
        var call = await Call.RunAsync("key", "create", "robot", "--org", "team", "--role", "reader", "--scope", "registry:read", "--scope", "jobs:read", "--expires", "2031-02-03");
        Assert.Equal((0, """robot team reader ["registry:read","jobs:read"] 2031-02-03T00:00:00+00:00"""), (call.ExitCode, call.Output.Trim()));
        Assert.Equal("robot team member - -", (await Call.RunAsync("key", "create", "robot", "--org", "team")).Output.Trim());
        var end = (await Call.RunAsync("key", "create", "robot", "--expires", "90d")).Output.Trim().Split(' ')[^1];
        Assert.InRange(DateTimeOffset.Parse(end, System.Globalization.CultureInfo.InvariantCulture) - DateTimeOffset.UtcNow, TimeSpan.FromDays(89.9), TimeSpan.FromDays(90));
    }

    [Fact]
    public async Task Audit_AsksFromThenOn_AndFollowsThePages()
    {
        var call = await Call.RunAsync("audit", "--since", "2h", "--org", "team", "--key", "key-1");
        Assert.Equal(0, call.ExitCode);
        Assert.Equal(3, call.Output.TrimEnd().Split('\n').Length);
        Assert.Contains("POST /api/v1/jobs", call.Output);
        Assert.Single(JsonDocument.Parse((await Call.RunAsync("audit", "--limit", "1", "--json")).Output).RootElement.EnumerateArray());
    }

    [Fact]
    public async Task Help_ListsEveryVerb()
    {
        var root = await Call.RunAsync("--help");
        Assert.Equal(0, root.ExitCode);
        var verbs = new Dictionary<string, string[]>
        {
            ["job"] = ["submit", "list", "show", "watch", "logs", "events", "cancel", "pause", "resume", "verify-resume"],
            ["model"] = ["add", "list", "show", "rm", "export"], ["dataset"] = ["inspect", "add", "list", "show", "rm"],
            ["adapter"] = ["list", "show", "verify", "export", "rm", "push", "pull", "promote", "stages"], ["org"] = ["list", "show", "quota", "members", "add-member", "remove-member"], ["audit"] = [], ["node"] = ["list", "drain"], ["key"] = ["create", "list", "revoke"],
            ["generate"] = [], ["eval"] = [],
        };
        foreach (var (noun, known) in verbs)
        {
            Assert.Contains($"  {noun} ", root.Output);
            var help = await Call.RunAsync(noun, "--help");
            Assert.Equal((0, ""), (help.ExitCode, help.Errors));
            Assert.All(known, verb => Assert.Contains($"  {verb} ", help.Output));
        }
    }

    [Fact]
    public async Task Json_IsJson()
    {
        server.Reset();
        foreach (var args in (string[][])[["job", "list"], ["adapter", "show", SmallServer.Adapter], ["model", "rm", "old"]])
        {
            var call = await Call.RunAsync([.. args, "--json"]);
            Assert.Equal((0, ""), (call.ExitCode, call.Errors));
            Assert.NotEqual(JsonValueKind.Undefined, JsonDocument.Parse(call.Output).RootElement.ValueKind);
        }
    }

    [Theory]
    [InlineData("job-same", 0, "identical, adapter sha256 aa, optimizer sha256 bb")]
    [InlineData("job-other", 1, "DIFFERENT in optimizer.safetensors: adapter sha256 aa instead of aa, optimizer sha256 cc instead of bb (another build)")]
    public async Task VerifyResume_IsOneLine_AndItsVerdictTheExitCode(string job, int code, string says)
    {
        var call = await Call.RunAsync("job", "verify-resume", job, "--from-step", "4");
        Assert.Equal((code, ""), (call.ExitCode, call.Errors));
        Assert.Equal($"{job} steps 4 to 8 trained again in 1.5 s: {says}", Assert.Single(call.Output.TrimEnd().Split('\n')).TrimEnd());
        var json = await Call.RunAsync("job", "verify-resume", job, "--from-step", "4", "--json");
        Assert.Equal((code, code == 0), (json.ExitCode, JsonDocument.Parse(json.Output).RootElement.GetProperty("identical").GetBoolean()));
    }

    [Fact]
    public async Task Text_HoldsNoEscapeCodes()
    {
        var call = await Call.RunAsync("job", "list");
        Assert.Equal(0, call.ExitCode);
        Assert.Contains("a/b", call.Output);
        Assert.DoesNotContain('\u001b', call.Output + call.Errors);
    }
}
