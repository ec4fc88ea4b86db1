using FineTuneGrid.Cli.Tests.Support;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Provenance;

namespace FineTuneGrid.Cli.Tests;

/// <summary><c>adapter verify</c> of a pulled folder with a signed statement. No server is asked.</summary>
[Collection(ServerCollection.Name)]
public sealed class StatementTests : IDisposable
{
    private readonly SmallServer _server;
    private readonly SigningKey _key = SigningKey.FromPem(SigningKey.CreatePem());
    private readonly string _folder = Directory.CreateTempSubdirectory("ftg-signed-").FullName;
    private readonly string _keys = Directory.CreateTempSubdirectory("ftg-keys-").FullName;

    public StatementTests(SmallServer server)
    {
        _server = server;
        _server.Reset(_key);
    }

    public void Dispose()
    {
        _key.Dispose();
        Directory.Delete(_folder, recursive: true);
        Directory.Delete(_keys, recursive: true);
    }

    [Fact]
    public async Task Verify_OfASignedFolder_NamesTheSigner()
    {
        await PullAsync();
        var call = await Call.RunAsync("adapter", "verify", _folder);
        Assert.Equal((0, $"acme/tuned@1: 5 files as registered, signed by {_key.Public.Id}"), (call.ExitCode, call.Output.Trim()));
    }

    [Fact]
    public async Task Verify_AfterOneFlippedByteAnywhere_Fails()
    {
        await PullAsync();
        foreach (var file in Directory.EnumerateFiles(_folder).ToList())
        {
            var bytes = await File.ReadAllBytesAsync(file);
            for (var i = 0; i < bytes.Length; i += 1 + bytes.Length / 20)
            {
                bytes[i] ^= 1;
                await File.WriteAllBytesAsync(file, bytes);
                var call = await Call.RunAsync("adapter", "verify", _folder);
                Assert.True(call.ExitCode == 1, $"byte {i} of {Path.GetFileName(file)} does not count: {call.Output}");
                bytes[i] ^= 1;
            }
            await File.WriteAllBytesAsync(file, bytes);
        }
        Assert.Equal(0, (await Call.RunAsync("adapter", "verify", _folder)).ExitCode);
    }

    [Fact]
    public async Task Verify_WithTheInstallationsKey_AcceptsItAndNoOther()
    {
        await PullAsync();
        _server.SigningPem = _key.Public.Pem;
        var shown = (await Call.RunAsync("adapter", "signing-key")).Output;
        await File.WriteAllTextAsync(Path.Combine(_keys, "grid.pub"), shown);
        Assert.Equal(0, (await Call.RunAsync("adapter", "verify", _folder, "--key", Path.Combine(_keys, "grid.pub"))).ExitCode);

        using var other = SigningKey.FromPem(SigningKey.CreatePem());
        await File.WriteAllTextAsync(Path.Combine(_keys, "other.pub"), other.Public.Pem);
        await RefusedAsync(1, $"not by {other.Public.Id}", "--key", Path.Combine(_keys, "other.pub"));
        await File.WriteAllTextAsync(Path.Combine(_keys, "text.pub"), "text");
        await RefusedAsync(2, "holds no ECDSA P-256 public key", "--key", Path.Combine(_keys, "text.pub"));
        await RefusedAsync(2, "there is no file", "--key", Path.Combine(_keys, "none.pub"));
    }

    [Fact]
    public async Task Verify_WithoutTheStatement_Fails()
    {
        await PullAsync();
        File.Delete(Path.Combine(_folder, ProvenanceStatement.FileName));
        await RefusedAsync(1, "provenance.intoto.jsonl is missing");
    }

    [Fact]
    public async Task Verify_WithAKeyOfAFolderThatIsNotSigned_Fails()
    {
        _server.Reset();
        await PullAsync();
        await File.WriteAllTextAsync(Path.Combine(_keys, "grid.pub"), _key.Public.Pem);
        await RefusedAsync(1, "brings no signed statement", "--key", Path.Combine(_keys, "grid.pub"));
    }

    [Fact]
    public async Task Verify_OfAnotherVersionsStatement_SaysWhichFileDiffers()
    {
        var files = _server.Announced.Where(f => f.Key != ProvenanceStatement.FileName).ToDictionary();
        _server.Sign([.. files.Select(f => ResourceDescriptor.OfFile(f.Key, f.Key == "adapter_config.json" ? new string('0', 64) : f.Value))], _key);
        await PullAsync();
        await RefusedAsync(1, "adapter_config.json differs");

        _server.Sign([.. files.Where(f => f.Key != AdapterManifest.FileName).Select(f => ResourceDescriptor.OfFile(f.Key, f.Value))], _key);
        await PullAsync();
        await RefusedAsync(1, "finetunegrid.json is not in the signed statement");

        _server.Sign([.. files.Append(new("gone.txt", new string('0', 64))).Select(f => ResourceDescriptor.OfFile(f.Key, f.Value))], _key);
        await PullAsync();
        await RefusedAsync(1, "gone.txt is signed, but not part of the folder");
    }

    private async Task PullAsync()
    {
        var call = await Call.RunAsync("adapter", "pull", SmallServer.Adapter, _folder);
        Assert.True(call.ExitCode == 0, call.Errors);
    }

    private async Task RefusedAsync(int exitCode, string says, params string[] options)
    {
        var call = await Call.RunAsync(["adapter", "verify", _folder, .. options]);
        Assert.Equal(exitCode, call.ExitCode);
        Assert.Contains(says, call.LastError);
    }
}
