using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Pushes by the Hub's protocol: what is refused, and how.</summary>
[Collection(GatewayCollection.Name)]
public sealed class HubPushTests(GatewayUnderTest gateway)
{
    [Fact]
    public async Task Upload_TakesOnlyTheAnnouncedBytes()
    {
        var bytes = Samples.Weights();
        var href = await HrefAsync("acme/hub-bytes", bytes);
        await RefusedAsync(gateway.Nobody.PostAsync(href, null), HttpStatusCode.NotFound, "has not arrived");
        await RefusedAsync(gateway.Nobody.PutAsync(href, bytes[..^1]), HttpStatusCode.UnprocessableEntity, "announced");
        var wrong = bytes.ToArray();
        wrong[^1] ^= 1;
        await RefusedAsync(gateway.Nobody.PutAsync(href, wrong), HttpStatusCode.BadRequest, "SHA-256");
        await RefusedAsync(gateway.Nobody.PutAsync(href[..^3] + "abc", bytes), HttpStatusCode.Forbidden, "upload address");
        await gateway.Nobody.PutAsync(href, bytes).JsonAsync();
        await gateway.Nobody.PutAsync(href, bytes).JsonAsync();
        await gateway.Nobody.PostAsync(href, null).JsonAsync();
        var again = await gateway.Member.PostAsJsonAsync("/acme/hub-bytes.git/info/lfs/objects/batch", Batch(bytes)).JsonAsync();
        Assert.False(again.GetProperty("objects")[0].TryGetProperty("actions", out _), "what is there already need not be sent");
    }

    [Fact]
    public async Task Commit_IsRefusedByItsReason()
    {
        const string repo = "/api/models/acme/hub-refused/";
        var config = new { key = "file", value = new { path = "config.json", content = Samples.Config, encoding = "utf-8" } };
        var absent = new { key = "lfsFile", value = new { path = "model.safetensors", algo = "sha256", oid = new string('0', 64), size = 3 } };
        await RefusedAsync(CommitAsync(repo + "commit/main?create_pr=1", config), HttpStatusCode.UnprocessableEntity, "pull requests");
        await RefusedAsync(CommitAsync(repo + "commit/dev", config), HttpStatusCode.UnprocessableEntity, "'dev'");
        await RefusedAsync(CommitAsync(repo + "commit/main", config, absent), HttpStatusCode.UnprocessableEntity, "was not uploaded");
        await RefusedAsync(CommitAsync(repo + "commit/main", config), HttpStatusCode.UnprocessableEntity, "safetensors");
        await RefusedAsync(CommitAsync(repo + "commit/main", new { key = "file", value = new { path = "notes.txt", content = "x" } }), HttpStatusCode.BadRequest, "whole model");
        await RefusedAsync(CommitAsync(repo + "commit/main", new { key = "move", value = new { path = "config.json" } }), HttpStatusCode.UnprocessableEntity, "'move'");
        await RefusedAsync(CommitAsync(repo + "commit/main"), HttpStatusCode.BadRequest, "changes nothing");
        foreach (var path in (string[])["../config.json", "/etc/passwd", "a//b", "a/../../b", "pytorch_model.bin", "a\u0000b", "c\u202Ed"])
        {
            await RefusedAsync(CommitAsync(repo + "commit/main", new { key = "file", value = new { path, content = "{}" } }), HttpStatusCode.UnprocessableEntity, "");
            await RefusedAsync(gateway.Member.PostAsJsonAsync(repo + "preupload/main", new { files = new[] { new { path, size = 2, sample = "" } } }), HttpStatusCode.UnprocessableEntity, "");
        }
        await RefusedAsync(gateway.Stranger.PostAsync(repo + "commit/main", Lines(config)), HttpStatusCode.NotFound, "organisation");
        await RefusedAsync(gateway.Stranger.PostAsJsonAsync("/api/repos/create", new { name = "mine", organization = "acme", type = "model" }), HttpStatusCode.NotFound, "organisation");
        await RefusedAsync(gateway.Member.PostAsJsonAsync("/api/repos/create", new { name = "rows", organization = "acme", type = "dataset" }), HttpStatusCode.UnprocessableEntity, "'dataset'");
        Assert.DoesNotContain("\"ready\"", (await gateway.Member.GetAsync("/api/v1/models/hub-refused").JsonAsync()).GetRawText());
    }

    [Fact]
    public async Task Commit_MakesAModel_OnceAndForAll()
    {
        const string repo = "/api/models/acme/hub-pushed/";
        await gateway.Member.PostAsJsonAsync("/api/repos/create", new { name = "hub-pushed", organization = "acme", type = "model", visibility = "private" }).JsonAsync();
        var bytes = Samples.Weights();
        await gateway.Nobody.PutAsync(await HrefAsync("acme/hub-pushed", bytes), bytes).JsonAsync();
        object[] lines =
        [
            new { key = "file", value = new { path = "config.json", content = Convert.ToBase64String(Encoding.UTF8.GetBytes(Samples.Config)), encoding = "base64" } },
            new { key = "lfsFile", value = new { path = "model.safetensors", algo = "sha256", oid = Sha256(bytes), size = bytes.Length } },
            new { key = "file", value = new { path = ".gitattributes", content = "* -text" } },
        ];
        await RefusedAsync(CommitAsync(repo + "commit/main", [.. lines, new { key = "header", value = new { summary = "x", parentCommit = new string('a', 40) } }]), HttpStatusCode.PreconditionFailed, "nothing");
        var made = await CommitAsync(repo + "commit/main", lines).JsonAsync();
        var info = await gateway.Reader.GetAsync("/api/models/acme/hub-pushed").JsonAsync();
        Assert.Equal(made.Text("commitOid"), info.Text("sha"));
        Assert.Equal(["config.json", "model.safetensors"], info.GetProperty("siblings").EnumerateArray().Select(s => s.Text("rfilename")));
        Assert.Equal(bytes, await gateway.Reader.GetByteArrayAsync("/acme/hub-pushed/resolve/main/model.safetensors"));
        Assert.Equal("ready", (await gateway.Reader.GetAsync("/api/v1/models/hub-pushed").JsonAsync()).Text("status"));
        await RefusedAsync(CommitAsync(repo + "commit/main", lines), HttpStatusCode.Conflict, "can no longer change");
        await RefusedAsync(gateway.Member.PostAsJsonAsync("/api/repos/create", new { name = "acme/hub-pushed" }), HttpStatusCode.Conflict, "already");
    }

    [Theory]
    [InlineData("---\nlicense: mit\n---\n# Card", true)]
    [InlineData("# Card", true)]
    [InlineData("---\nlicense: mit\n# Card", false)]
    public async Task Card_MustCloseItsFrontMatter(string content, bool good)
    {
        var answer = await gateway.Member.PostAsJsonAsync("/api/validate-yaml", new { content, repoType = "model" }).JsonAsync(good ? HttpStatusCode.OK : HttpStatusCode.BadRequest);
        Assert.Equal(good ? 0 : 1, answer.GetProperty("errors").GetArrayLength());
    }

    private async Task<string> HrefAsync(string repo, byte[] bytes)
    {
        var answer = await gateway.Member.PostAsJsonAsync($"/{repo}.git/info/lfs/objects/batch", Batch(bytes)).JsonAsync();
        Assert.Equal("basic", answer.Text("transfer"));
        return answer.GetProperty("objects")[0].GetProperty("actions").GetProperty("upload").Text("href");
    }

    private static object Batch(byte[] bytes) => new { operation = "upload", transfers = (string[])["basic", "multipart", "xet"], objects = new[] { new { oid = Sha256(bytes), size = bytes.Length } } };

    private Task<HttpResponseMessage> CommitAsync(string url, params object[] lines) => gateway.Member.PostAsync(url, Lines(lines));

    private static StringContent Lines(params object[] lines) => new(
        string.Join('\n', lines.Prepend(new { key = "header", value = new { summary = "Push" } }).Select(l => JsonSerializer.Serialize(l))), Encoding.UTF8, "application/x-ndjson");

    private static async Task RefusedAsync(Task<HttpResponseMessage> sent, HttpStatusCode status, string says)
    {
        using var response = await sent;
        var body = await response.Content.ReadAsStringAsync();
        Assert.True(status == response.StatusCode, $"{response.RequestMessage!.RequestUri} gave {(int)response.StatusCode}, not {(int)status}: {body}");
        Assert.Contains(says, JsonDocument.Parse(body).RootElement.Text("error"));
        Assert.True(response.Headers.Contains("X-Error-Message"), "X-Error-Message");
    }

    private static string Sha256(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
