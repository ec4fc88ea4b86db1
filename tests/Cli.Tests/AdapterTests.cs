using FineTuneGrid.Cli.Tests.Support;
using FineTuneGrid.Contracts.Adapters;

namespace FineTuneGrid.Cli.Tests;

/// <summary>Adapters come whole or not at all, and stay verifiable.</summary>
[Collection(ServerCollection.Name)]
public sealed class AdapterTests : IDisposable
{
    private const string Weights = "adapter_model.safetensors";

    private readonly SmallServer _server;
    private readonly string _folder = Directory.CreateTempSubdirectory("ftg-cli-").FullName;

    public AdapterTests(SmallServer server)
    {
        _server = server;
        server.Reset();
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Pull_FetchesEveryFile_AndTheFolderVerifies()
    {
        var call = await PullAsync();
        Assert.True(call.ExitCode == 0, call.Errors);
        Assert.Equal(_server.Files.Keys.Order(), Directory.EnumerateFiles(_folder).Select(f => Path.GetFileName(f)!).Order());
        Assert.Equal(_server.Files[Weights], await File.ReadAllBytesAsync(Path.Combine(_folder, Weights)));
        Assert.Equal((0, "acme/tuned@1: 3 files as registered, not signed"), ((await VerifyAsync()).ExitCode, (await VerifyAsync()).Output.Trim()));
        Assert.DoesNotContain('\u001b', call.Output + call.Errors);
    }

    [Fact]
    public async Task Pull_GoesOnWhereItWasCut()
    {
        await File.WriteAllBytesAsync(Path.Combine(_folder, Weights + ".part"), _server.Files[Weights][..1234]);
        Assert.Equal(0, (await PullAsync()).ExitCode);
        Assert.Contains((Weights, "bytes=1234-"), _server.Asked);
        Assert.Equal(_server.Files[Weights], await File.ReadAllBytesAsync(Path.Combine(_folder, Weights)));
        Assert.False(File.Exists(Path.Combine(_folder, Weights + ".part")));
    }

    [Fact]
    public async Task Pull_Again_FetchesNothing()
    {
        await PullAsync();
        _server.Asked.Clear();
        Assert.Equal(0, (await PullAsync()).ExitCode);
        Assert.Empty(_server.Asked);
    }

    [Fact]
    public async Task Pull_OfOtherBytesThanAnnounced_IsRefusedAndLeavesNoFile()
    {
        _server.Announced[Weights] = new string('0', 64);
        var call = await PullAsync();
        Assert.Equal(1, call.ExitCode);
        Assert.Contains("digest", call.LastError);
        Assert.Empty(Directory.EnumerateFiles(_folder, Weights + "*"));
    }

    [Fact]
    public async Task Pull_AfterAWrongBeginning_WorksTheNextTime()
    {
        await File.WriteAllBytesAsync(Path.Combine(_folder, Weights + ".part"), new byte[1234]);
        Assert.Equal(1, (await PullAsync()).ExitCode);
        Assert.Equal(0, (await PullAsync()).ExitCode);
    }

    [Theory]
    [InlineData("../outside")]
    [InlineData("a/../../outside")]
    [InlineData("/outside")]
    public async Task Pull_NeverWritesOutsideItsFolder(string path)
    {
        _server.Hold(path, [1]);
        var call = await PullAsync();
        Assert.Equal(1, call.ExitCode);
        Assert.Contains("outside", call.LastError);
        Assert.False(File.Exists(Path.GetFullPath(Path.Combine(_folder, path))));
    }

    [Fact]
    public async Task Verify_FindsAFlippedByte()
    {
        await PullAsync();
        var file = Path.Combine(_folder, Weights);
        var bytes = await File.ReadAllBytesAsync(file);
        bytes[4000] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);
        await RefusedAsync(Weights);
        await File.WriteAllBytesAsync(file, bytes[..^1]);
        await RefusedAsync("4999");
        File.Delete(file);
        await RefusedAsync("missing");
    }

    [Theory]
    [InlineData("pytorch_model.bin")]
    [InlineData("modeling.py")]
    [InlineData("more/adapter_model.safetensors")]
    public async Task Verify_FindsAnExtraFile(string path)
    {
        await PullAsync();
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_folder, path))!);
        await File.WriteAllBytesAsync(Path.Combine(_folder, path), [1]);
        await RefusedAsync(path);
    }

    [Theory]
    [InlineData("{", "damaged")]
    [InlineData("{}", "lists no files")]
    [InlineData("null", "damaged")]
    [InlineData("""{"files":[null]}""", "damaged")]
    public async Task Verify_OfADamagedManifest_SaysSo(string manifest, string says)
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, AdapterManifest.FileName), manifest);
        await RefusedAsync(says);
    }

    [Fact]
    public async Task Verify_Reference_AsksTheRegistry()
    {
        var call = await Call.RunAsync("adapter", "verify", SmallServer.Adapter + "@1");
        Assert.Equal((0, "acme/tuned@1: 3 files as registered"), (call.ExitCode, call.Output.Trim()));
        _server.Announced[Weights] = new string('0', 64);
        call = await Call.RunAsync("adapter", "verify", SmallServer.Adapter, "--json");
        Assert.Equal((1, $"ftg: acme/tuned@1: 1 of 3 stored files are not what was registered; the first: {Weights} differs"), (call.ExitCode, call.LastError));
        Assert.False(System.Text.Json.JsonDocument.Parse(call.Output).RootElement.GetProperty("whole").GetBoolean());
    }

    [Theory]
    [InlineData("acme/tuned@7", 1, "no such version")]
    [InlineData("no/such/folder", 2, "org/name")]
    public async Task Verify_OfNothing_SaysSo(string subject, int exitCode, string says)
    {
        var call = await Call.RunAsync("adapter", "verify", subject);
        Assert.Equal(exitCode, call.ExitCode);
        Assert.Contains(says, call.LastError);
    }

    [Fact]
    public async Task Pull_ByAlias_FetchesTheVersionItNames()
    {
        var call = await Call.RunAsync("adapter", "pull", SmallServer.Adapter + "@champion", _folder);
        Assert.Equal((0, $"acme/tuned@1 is in {_folder}"), (call.ExitCode, call.Output.Trim()));
        call = await Call.RunAsync("adapter", "pull", SmallServer.Adapter + "@candidate", _folder);
        Assert.Equal((1, "ftg: acme/tuned@candidate has no such version"), (call.ExitCode, call.LastError));
    }

    [Fact]
    public async Task Promote_SaysWhatIsWhatNow_AndStagesSaysWhoDidIt()
    {
        var call = await Call.RunAsync("adapter", "promote", SmallServer.Adapter + "@1", "champion");
        Assert.Equal((0, "acme/tuned@1 is champion"), (call.ExitCode, call.Output.Trim()));
        Assert.Contains("key-1", (await Call.RunAsync("adapter", "stages", SmallServer.Adapter)).Output);
        Assert.Equal(2, (await Call.RunAsync("adapter", "promote", SmallServer.Adapter, "champion")).ExitCode);
        Assert.Equal(2, (await Call.RunAsync("adapter", "promote", SmallServer.Adapter + "@1", "best")).ExitCode);
    }

    private Task<Call> PullAsync() => Call.RunAsync("adapter", "pull", SmallServer.Adapter, _folder);

    private Task<Call> VerifyAsync() => Call.RunAsync("adapter", "verify", _folder);

    private async Task RefusedAsync(string says)
    {
        var call = await VerifyAsync();
        Assert.Equal(1, call.ExitCode);
        Assert.StartsWith("ftg: ", call.LastError);
        Assert.Contains(says, call.LastError);
    }
}
