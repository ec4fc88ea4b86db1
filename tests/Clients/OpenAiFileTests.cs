using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FineTuneGrid.Clients.Tests.Support;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Clients.Tests;

/// <summary>The official OpenAI client keeps files, sends large ones in parts, and looks at models.</summary>
[Collection(GatewayCollection.Name)]
public sealed class OpenAiFileTests(GatewayUnderTest gateway) : IAsyncLifetime, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ftg-openai-").FullName;
    private OpenAiClient _acme = null!;
    private OpenAiClient _stranger = null!;

    public async Task InitializeAsync()
    {
        _acme = new OpenAiClient(gateway.Address, (await gateway.KeyAsync("member", GatewayUnderTest.Acme)).Secret);
        _stranger = new OpenAiClient(gateway.Address, (await gateway.KeyAsync("member", GatewayUnderTest.Globex)).Secret);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Files_AreCreatedListedReadAndDeleted()
    {
        var rows = Samples.Rows(20);
        var path = Write("train.jsonl", rows);
        var made = await _acme.CallAsync("files.create", new { file = OpenAiClient.File(path), purpose = "fine-tune", expires_after = new { anchor = "created_at", seconds = 7200 } });
        var id = made.Text("id");
        Assert.Equal(("train.jsonl", "processed", rows.Length, 7200), (made.Text("filename"), made.Text("status"), made.GetProperty("bytes").GetInt32(), made.GetProperty("expires_at").GetInt64() - made.GetProperty("created_at").GetInt64()));
        var others = new List<string> { id };
        for (var i = 0; i < 2; i++) others.Add((await _acme.CallAsync("files.create", new { file = OpenAiClient.File(path, $"more {i}.jsonl"), purpose = "fine-tune" })).Text("id"));
        Assert.Equal(made.GetRawText(), (await _acme.CallAsync("files.retrieve", id)).GetRawText());
        Assert.Equal(id, (await _acme.CallAsync("files.waitForProcessing", id)).Text("id"));
        var content = await _acme.CallAsync("files.content", id);
        Assert.Equal((rows.Length, Convert.ToHexStringLower(SHA256.HashData(rows))), (content.GetProperty("size").GetInt32(), content.Text("sha256")));
        // Pages of one: the client follows them by itself.
        var listed = (await _acme.CallAsync("files.list", new { limit = 1, order = "asc", purpose = "fine-tune" })).EnumerateArray().Select(f => f.Text("id")).ToList();
        Assert.Equal(others.Order(StringComparer.Ordinal), listed.Where(others.Contains));
        foreach (var other in others) Assert.True((await _acme.CallAsync("files.delete", other)).GetProperty("deleted").GetBoolean());
        Assert.Equal(("NotFoundError", 404), await KindAsync(_acme.FailAsync("files.retrieve", id)));
    }

    [Fact]
    public async Task Refusals_AreTheClientsOwnErrors()
    {
        var path = Write("rows.jsonl", Samples.Rows());
        var wrong = await _acme.FailAsync("files.create", new { file = OpenAiClient.File(path), purpose = "batch" });
        Assert.Equal(("BadRequestError", 400, "purpose", "invalid_value", "invalid_request_error"), (wrong.Kind, wrong.Status, wrong.Param, wrong.Code, wrong.Type));
        var named = await _acme.FailAsync("files.create", new { file = OpenAiClient.File(path, "a\u202Eb.jsonl"), purpose = "fine-tune" });
        Assert.Equal(("BadRequestError", "file"), (named.Kind, named.Param));
        var limit = await _acme.FailAsync("files.list", new { limit = 0 });
        Assert.Equal(("BadRequestError", "limit"), (limit.Kind, limit.Param));
        var id = (await _acme.CallAsync("files.create", new { file = OpenAiClient.File(path), purpose = "fine-tune" })).Text("id");
        Assert.Equal(("NotFoundError", 404), await KindAsync(_stranger.FailAsync("files.retrieve", id)));
        Assert.Equal(("NotFoundError", 404), await KindAsync(_stranger.FailAsync("files.delete", id)));
        Assert.Equal(("AuthenticationError", 401), await KindAsync(new OpenAiClient(gateway.Address, "ftg_" + new string('a', 43)).FailAsync("files.list")));
        var reader = new OpenAiClient(gateway.Address, (await gateway.KeyAsync("reader", GatewayUnderTest.Acme)).Secret);
        Assert.Equal(("PermissionDeniedError", 403), await KindAsync(reader.FailAsync("files.delete", id)));
        await _acme.CallAsync("files.delete", id);
    }

    [Fact]
    public async Task Upload_InParts_BecomesAFile()
    {
        var row = Encoding.UTF8.GetBytes("{\"text\":\"" + new string('c', 5000) + "\"}\n");
        var bytes = Enumerable.Repeat(row, 3000).SelectMany(r => r).ToArray();
        Assert.True(bytes.Length > GatewayUnderTest.OpenAiFileBytes);
        var upload = await _acme.CallAsync("uploads.create", new { bytes = bytes.Length, filename = "large.jsonl", mime_type = "text/jsonl", purpose = "fine-tune" });
        var parts = new List<string>();
        foreach (var (from, to) in new[] { (0, 7_000_000), (7_000_000, bytes.Length) })
            parts.Add((await _acme.CallAsync("uploads.parts.create", upload.Text("id"), new { data = OpenAiClient.File(Write($"part-{from}", bytes[from..to])) })).Text("id"));
        var md5 = Convert.ToHexStringLower(MD5.HashData(bytes));
        var swapped = await _acme.FailAsync("uploads.complete", upload.Text("id"), new { part_ids = Enumerable.Reverse(parts), md5 });
        Assert.Equal(("BadRequestError", "md5"), (swapped.Kind, swapped.Param));
        var done = await _acme.CallAsync("uploads.complete", upload.Text("id"), new { part_ids = parts, md5 });
        Assert.Equal("completed", done.Text("status"));
        var file = done.GetProperty("file").Text("id");
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), (await _acme.CallAsync("files.content", file)).Text("sha256"));
        await _acme.CallAsync("files.delete", file);
        var other = await _acme.CallAsync("uploads.create", new { bytes = 1, filename = "a.jsonl", mime_type = "text/jsonl", purpose = "fine-tune" });
        Assert.Equal("cancelled", (await _acme.CallAsync("uploads.cancel", other.Text("id"))).Text("status"));
    }

    [Fact]
    public async Task Models_AreListedAndRead()
    {
        await gateway.Member.AddModelAsync("sdk-base");
        var pushed = await gateway.Member.PushAdapterAsync("acme", "sdk-pushed", "sdk-base", 32, "model.layers.0.self_attn.q_proj") + "@1";
        var ids = (await _acme.CallAsync("models.list")).EnumerateArray().Select(m => m.Text("id")).ToList();
        foreach (var id in (string[])["sdk-base", pushed])
        {
            Assert.Contains(id, ids);
            Assert.Equal(id, (await _acme.CallAsync("models.retrieve", id)).Text("id"));
        }
        var missing = await _stranger.FailAsync("models.retrieve", "sdk-base");
        Assert.Equal(("NotFoundError", "model_not_found", "model"), (missing.Kind, missing.Code, missing.Param));
        Assert.Equal(("BadRequestError", 400), await KindAsync(_acme.FailAsync("models.delete", "sdk-base")));
        Assert.True((await _acme.CallAsync("models.delete", pushed)).GetProperty("deleted").GetBoolean());
        Assert.Equal(("NotFoundError", 404), await KindAsync(_acme.FailAsync("models.retrieve", pushed)));
    }

    private static async Task<(string Kind, int? Status)> KindAsync(Task<OpenAiError> failed)
    {
        var error = await failed;
        return (error.Kind, error.Status);
    }

    private string Write(string name, byte[] bytes)
    {
        var path = Path.Combine(_folder, name);
        System.IO.File.WriteAllBytes(path, bytes);
        return path;
    }
}
