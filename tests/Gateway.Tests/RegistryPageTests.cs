using System.Net;
using System.Net.Http.Json;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Pages of data sets, adapters, nodes and keys: what they show, and what their forms change.</summary>
[Collection(GatewayCollection.Name)]
public sealed class RegistryPageTests(GatewayUnderTest gateway) : IAsyncLifetime
{
    private const string Layer = "model.layers.0.self_attn.q_proj";

    private HttpClient _browser = null!;

    public async Task InitializeAsync() => _browser = await PageBrowser.SignedInAsync(gateway, gateway.AdminSecret);

    public Task DisposeAsync()
    {
        _browser.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Dataset_ThatIsGood_ShowsItsLengthsAndFirstRows()
    {
        var id = await gateway.Member.AddDatasetAsync("lengths", Encoding.UTF8.GetBytes("""
            {"prompt":"ab","completion":"c"}
            {"prompt":"<b>hostile</b>","completion":"0123456789012345678901234567890123456789"}

            """));
        var page = await _browser.GetAsync($"/datasets/{id}").AnswerAsync();
        Assert.Contains("2 rows of 3 to 54 characters; mean 29, half of them at most 3, 95 % at most 54", page);
        Assert.Contains("<title>3 to 3 characters: 1 rows</title>", page);
        Assert.Contains("""{"prompt":"ab","completion":"c"}""", page);
        Assert.DoesNotContain("<b>hostile", await _browser.GetStringAsync($"/datasets/{id}"));
    }

    [Fact]
    public async Task Dataset_ThatIsRefused_ShowsItsBadRows()
    {
        var made = await gateway.Member.PostAsJsonAsync("/api/v1/datasets", new { name = "bad-rows" }).JsonAsync(HttpStatusCode.Created);
        await gateway.Member.PutAsync("/api/v1/datasets/bad-rows/files/rows.jsonl", Encoding.UTF8.GetBytes("""
            {"prompt":"a","completion":"b"}
            {"prompt":"only this","completion":""}

            """)).JsonAsync(HttpStatusCode.Created);
        await gateway.Member.PostAsync("/api/v1/datasets/bad-rows/commit", null).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidDataset);
        var page = await _browser.GetAsync($"/datasets/{made.Text("id")}").AnswerAsync();
        Assert.Contains("'completion' is empty", page);
        Assert.Contains("""<td>rows.jsonl</td><td>2</td>""", page);
        Assert.Contains("""<code>{"prompt":"only this","completion":""}</code>""", page);
    }

    [Fact]
    public async Task Adapter_ShowsItsVersionsLineageAndFiles()
    {
        await gateway.Member.AddModelAsync("paged");
        await gateway.Member.PushAdapterAsync("acme", "paged", "paged", 32, Layer);
        await gateway.Member.PushAdapterAsync("acme", "paged", "paged", 32, Layer, rank: 3);
        var newest = await _browser.GetAsync("/adapters/acme/paged").AnswerAsync();
        Assert.Contains("""<span class="status">version 2</span>""", newest);
        Assert.Contains("Lineage of acme/paged@2: acme/paged@2 from base paged", newest);
        Assert.Contains("ftg adapter pull acme/paged@2 ./paged", newest);
        var first = await _browser.GetAsync("/adapters/acme/paged?version=1").AnswerAsync();
        Assert.Contains("""<a href="/adapters/acme/paged?version=2">2</a>""", first);
        Assert.Contains("<h3>acme/paged, version 1</h3>", first);

        using var file = await _browser.GetAsync("/adapters/acme/paged/files/1/adapter_config.json");
        Assert.Equal(("attachment", HttpStatusCode.OK), (file.Content.Headers.ContentDisposition?.DispositionType, file.StatusCode));
        Assert.Equal(await gateway.Reader.GetStringAsync("/api/v1/adapters/acme/paged/versions/1/files/adapter_config.json"), await file.Content.ReadAsStringAsync());
        using var stranger = await PageBrowser.SignedInAsync(gateway, (await gateway.KeyAsync("member", GatewayUnderTest.Globex)).Secret);
        foreach (var path in (string[])["/adapters/acme/paged", "/adapters/acme/paged/files/1/adapter_config.json"])
            await stranger.GetAsync(path).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
    }

    [Fact]
    public async Task TryBox_SaysWhyThereIsNoAnswer_AndKeepsTheQuestion()
    {
        await gateway.Member.AddModelAsync("tried");
        await gateway.Member.PushAdapterAsync("acme", "tried", "tried", 32, Layer);
        var page = await _browser.GetStringAsync("/adapters/acme/tried");
        var whole = await PageBrowser.SendFormAsync(_browser, "/adapters/acme/tried?version=1", page, ("prompt", "<i>hello</i>"), ("max_tokens", "4")).AnswerAsync();
        Assert.Contains("No node is alive", whole);
        Assert.Contains("<i>hello</i></textarea>", whole);
        var part = await PageBrowser.SendFormAsync(_browser, "/adapters/acme/tried?version=1&part=answers", page, ("prompt", "hello")).AnswerAsync();
        Assert.StartsWith("""<p class="notice bad""", part);
        await _browser.PostAsync("/adapters/acme/tried", new FormUrlEncodedContent([new("prompt", "x")])).ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
        using var reader = await PageBrowser.SignedInAsync(gateway, (await gateway.KeyAsync("reader", GatewayUnderTest.Acme)).Secret);
        Assert.DoesNotContain("<textarea", await reader.GetStringAsync("/adapters/acme/tried"));
    }

    [Fact]
    public async Task Keys_AreMadeShownOnceAndRevoked()
    {
        var page = await _browser.GetStringAsync("/keys");
        var made = await PageBrowser.SendFormAsync(_browser, "/keys", page, ("name", "by <page>"), ("org", "acme"), ("role", "reader"), ("days", "7")).AnswerAsync();
        var secret = made.Split("""id="secret">""")[1].Split('<')[0];
        using var client = gateway.Client(secret);
        await client.GetAsync("/api/v1/jobs").JsonAsync();
        var listed = await _browser.GetStringAsync("/keys");
        Assert.DoesNotContain(secret, listed);
        Assert.Contains("by &lt;page&gt;", listed);

        var id = (await gateway.Admin.GetAsync("/api/v1/keys?limit=1000").JsonAsync()).GetProperty("data").EnumerateArray().Single(k => k.Text("name") == "by <page>").Text("id");
        using var revoked = await PageBrowser.SendFormAsync(_browser, $"/keys/{id}/revoke", listed);
        Assert.Equal(HttpStatusCode.Redirect, revoked.StatusCode);
        await client.GetAsync("/api/v1/jobs").ProblemAsync(HttpStatusCode.Unauthorized, ErrorCodes.Unauthenticated);

        Assert.Contains("org is required", await PageBrowser.SendFormAsync(_browser, "/keys", listed, ("name", "n"), ("role", "member")).AnswerAsync());
        Assert.Contains("days must be", await PageBrowser.SendFormAsync(_browser, "/keys", listed, ("name", "n"), ("role", "admin"), ("days", "soon")).AnswerAsync());
    }

    [Fact]
    public async Task Keys_AreForAdminsAlone()
    {
        using var member = await PageBrowser.SignedInAsync(gateway, (await gateway.KeyAsync("member", GatewayUnderTest.Acme)).Secret);
        foreach (var sent in (Task<HttpResponseMessage>[])[member.GetAsync("/keys"), PageBrowser.SendFormAsync(member, "/keys", await member.GetStringAsync("/"), ("name", "n"), ("role", "admin"))])
            await sent.ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
        Assert.DoesNotContain("href=\"/keys\"", await member.GetStringAsync("/"));
    }

    [Fact]
    public async Task Node_ThatNobodyKnows_IsAPageForBrowsers()
    {
        await _browser.GetAsync("/nodes/nothing").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        _browser.DefaultRequestHeaders.Accept.ParseAdd("text/html");
        foreach (var path in (string[])["/nodes/nothing", "/nothing-at-all"])
        {
            using var response = await _browser.GetAsync(path);
            Assert.Equal((HttpStatusCode.NotFound, "text/html"), (response.StatusCode, response.Content.Headers.ContentType?.MediaType));
            Assert.Contains("There is no", await response.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task Theme_IsKeptAsChosen()
    {
        var page = await _browser.GetStringAsync("/");
        Assert.Contains("""<html lang="en">""", page);
        foreach (var (theme, mark) in ((string, string)[])[("light", """data-theme="light" """), ("dark", """data-theme="dark" """), ("", "<html lang=\"en\">"), ("\"><script>", "<html lang=\"en\">")])
        {
            using var chosen = await PageBrowser.SendFormAsync(_browser, "/theme", page, ("theme", theme), ("return", "//evil.example"));
            Assert.Equal("/", chosen.Headers.Location!.ToString());
            Assert.Contains(mark, await _browser.GetStringAsync("/"));
        }
    }
}
