using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Gateway.Hub;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>The Hub's protocol, as its clients' source asks for it: headers, pages, revisions, refusals.</summary>
[Collection(GatewayCollection.Name)]
public sealed class HubReadTests(GatewayUnderTest gateway)
{
    private const string Layer = "model.layers.0.self_attn.q_proj";

    /// <summary>The ids are what <c>git add</c> and <c>git write-tree</c> gave for the same pointer files.</summary>
    [Fact]
    public void Tree_HasTheIdsOfGit()
    {
        var tree = new HubTree([.. new[] { ("config.json", "{}"), ("a/x.txt", "x"), ("a/b/y.txt", "yy"), ("a.md", "a"), ("a0", "0") }
            .Select(f => new SourceFile(f.Item1, "key", f.Item2.Length, Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(f.Item2)))))]);
        Assert.Equal(
            [
                ("a", "075965d330d0f8f44bf3ceeca4d5ddf0ef583de2"), ("a.md", "8fb3407d881d755d6db37c528433f1b1bcf06f63"), ("a/b", "abf346f6234be289f421877dbac9337231545380"),
                ("a/b/y.txt", "420e1903cec8958f1586789e288e56e38b2ffed3"), ("a/x.txt", "b9cc11c9cf904608db4c9b0fded560cc9368dfe4"), ("a0", "e5495c2a53e902a17045e9ca2b61edb7d4a46fe5"),
                ("config.json", "b7069684294129d201f01cc1df16a6b7de65bed1"),
            ],
            tree.List("", recursive: true)!.Select(e => (e.Path, e.Oid)));
        Assert.Equal(["a", "a.md", "a0", "config.json"], tree.List("", recursive: false)!.Select(e => e.Path));
        Assert.Equal(["a/b", "a/x.txt"], tree.List("a", recursive: false)!.Select(e => e.Path));
        Assert.Null(tree.List("a.md", recursive: false));
        Assert.Null(tree.List("b", recursive: true));
    }

    [Fact]
    public async Task Head_TellsCommitDigestAndSize_AndARangeGivesThatPart()
    {
        await gateway.Member.AddModelAsync("hub-head");
        var bytes = Samples.Weights();
        var digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        var sha = (await gateway.Reader.GetAsync("/api/models/acme/hub-head/revision/main").JsonAsync()).Text("sha");
        Assert.Matches("^[0-9a-f]{40}$", sha);
        foreach (var url in (string[])["/acme/hub-head/resolve/main/model.safetensors", $"/hub-head/resolve/{sha}/model.safetensors", "/acme/hub-head/resolve/refs%2Fheads%2Fmain/model.safetensors"])
        {
            using var head = await gateway.Reader.SendAsync(new HttpRequestMessage(HttpMethod.Head, url));
            Assert.Equal(HttpStatusCode.OK, head.StatusCode);
            Assert.Equal(($"\"{digest}\"", bytes.Length), (head.Headers.ETag!.Tag, head.Content.Headers.ContentLength));
            Assert.Equal((sha, $"\"{digest}\"", $"{bytes.Length}"), (Header(head, "X-Repo-Commit"), Header(head, "X-Linked-ETag"), Header(head, "X-Linked-Size")));
            using var range = new HttpRequestMessage(HttpMethod.Get, url) { Headers = { Range = new RangeHeaderValue(10, null) } };
            using var part = await gateway.Reader.SendAsync(range);
            Assert.Equal((HttpStatusCode.PartialContent, $"bytes 10-{bytes.Length - 1}/{bytes.Length}"), (part.StatusCode, part.Content.Headers.ContentRange!.ToString()));
            Assert.Equal(bytes[10..], await part.Content.ReadAsByteArrayAsync());
        }
    }

    [Fact]
    public async Task Refs_NameEveryVersion_AndTheOldAndNewListsAgree()
    {
        await gateway.Member.AddModelAsync("hub-refs");
        await gateway.Member.PushAdapterAsync("acme", "hub-refs-tuned", "hub-refs", 32, Layer);
        await gateway.Member.PushAdapterAsync("acme", "hub-refs-tuned", "hub-refs", 32, Layer, rank: 3);
        const string repo = "/api/models/acme/hub-refs-tuned";
        var versions = (await gateway.Reader.GetAsync("/api/v1/adapters/acme/hub-refs-tuned").JsonAsync()).GetProperty("versions").EnumerateArray().ToDictionary(v => v.Text("version"), v => v.Text("revision"));
        var refs = await gateway.Reader.GetAsync($"{repo}/refs").JsonAsync();
        Assert.Equal(versions, refs.GetProperty("tags").EnumerateArray().ToDictionary(t => t.Text("name"), t => t.Text("targetCommit")));
        Assert.Equal(versions["2"], refs.GetProperty("branches")[0].Text("targetCommit"));
        var info = await gateway.Reader.GetAsync($"{repo}/revision/1").JsonAsync();
        Assert.Equal((versions["1"], "acme/hub-refs-tuned", "peft"), (info.Text("sha"), info.Text("id"), info.Text("library_name")));
        var tree = await gateway.Reader.GetAsync($"{repo}/tree/1?recursive=True&expand=False").JsonAsync();
        Assert.Equal(info.GetProperty("siblings").EnumerateArray().Select(s => s.Text("rfilename")), tree.EnumerateArray().Select(t => t.Text("path")));
        var paths = new FormUrlEncodedContent([new("paths", "README.md"), new("paths", "nothing"), new("expand", "True")]);
        var found = Assert.Single((await gateway.Reader.PostAsync($"{repo}/paths-info/1", paths).JsonAsync()).EnumerateArray());
        Assert.Equal(("README.md", versions["1"]), (found.Text("path"), found.GetProperty("lastCommit").Text("id")));
    }

    [Theory]
    [InlineData("/api/models/acme/hub-nothing", "RepoNotFound")]
    [InlineData("/api/models/globex/hub-missing", "RepoNotFound")]
    [InlineData("/api/models/acme/hub-missing/revision/7", "RevisionNotFound")]
    [InlineData("/api/models/acme/hub-missing/revision/..%2F..", "RevisionNotFound")]
    [InlineData("/api/models/acme/hub-missing/tree/main/no/folder", "EntryNotFound")]
    [InlineData("/acme/hub-missing/resolve/main/nothing.json", "EntryNotFound")]
    [InlineData("/acme/hub-missing/resolve/main/..%2Fconfig.json", "EntryNotFound")]
    [InlineData("/acme/hub-missing/raw/main/nothing.json", "EntryNotFound")]
    [InlineData("/acme/hub-nothing/resolve/main/config.json", "RepoNotFound")]
    [InlineData("/hub-missing/resolve/0123456789/config.json", "RevisionNotFound")]
    public async Task Missing_IsNamedAsTheClientsExpect(string url, string code)
    {
        using (await gateway.Member.PostAsync("/api/v1/models", HttpAssert.Json("""{"name":"hub-missing"}""")))
        {
            using var config = await gateway.Member.PutAsync("/api/v1/models/hub-missing/files/config.json", Encoding.UTF8.GetBytes(Samples.Config));
            using var weights = await gateway.Member.PutAsync("/api/v1/models/hub-missing/files/model.safetensors", Samples.Weights());
            using var ready = await gateway.Member.PostAsync("/api/v1/models/hub-missing/commit", null);
        }
        using var response = await gateway.Reader.GetAsync(url);
        Assert.Equal((HttpStatusCode.NotFound, code), (response.StatusCode, Header(response, "X-Error-Code")));
        Assert.NotEqual("", Header(response, "X-Error-Message"));
        Assert.Equal("application/json", response.Content.Headers.ContentType!.MediaType);
        if (code == "EntryNotFound" && !url.StartsWith("/api/", StringComparison.Ordinal)) Assert.Matches("^[0-9a-f]{40}$", Header(response, "X-Repo-Commit"));
    }

    [Fact]
    public async Task Pages_AreLinked()
    {
        await gateway.Member.AddTinyAsync("hub-pages");
        var seen = new List<string>();
        var url = "/api/models/acme/hub-pages/tree/main?recursive=True&limit=3";
        while (url is not null)
        {
            using var response = await gateway.Reader.GetAsync(url);
            var page = System.Text.Json.JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
            Assert.InRange(page.GetArrayLength(), 1, 3);
            seen.AddRange(page.EnumerateArray().Select(e => e.Text("path")));
            url = response.Headers.TryGetValues("Link", out var links) ? links.Single().Split('<', '>')[1] : null;
        }
        var held = (await gateway.Reader.GetAsync("/api/v1/models/hub-pages").JsonAsync()).GetProperty("files").EnumerateArray().Select(f => f.Text("path"));
        Assert.Equal(held.Order(StringComparer.Ordinal), seen);
        Assert.True(seen.Count > 3, "more than a page was to be seen");
    }

    private static string Header(HttpResponseMessage response, string name) => response.Headers.TryGetValues(name, out var values) ? values.Single() : "";
}
