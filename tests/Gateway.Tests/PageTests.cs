using System.Net;
using System.Net.Http.Json;
using System.Text.RegularExpressions;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>The pages as a browser meets them: sessions, forms, headers, and names that would be markup.</summary>
[Collection(GatewayCollection.Name)]
public sealed partial class PageTests(GatewayUnderTest gateway)
{
    private const string Hostile = "<script>alert(1)</script>\"'&";

    [Fact]
    public async Task SignIn_WithAKey_OpensTheWayBack()
    {
        using var browser = PageBrowser.Open(gateway, out var cookies);
        using var form = await browser.GetAsync("/login?ReturnUrl=%2Fmodels");
        using var wrong = await PageBrowser.SendFormAsync(browser, "/login", await form.Content.ReadAsStringAsync(), ("key", "ftg_wrong"));
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        using var entered = await PageBrowser.SendFormAsync(browser, "/login", await wrong.Content.ReadAsStringAsync(), ("key", gateway.AdminSecret));
        Assert.Equal((HttpStatusCode.Redirect, "/models"), (entered.StatusCode, entered.Headers.Location!.ToString()));
        var session = entered.Headers.GetValues("Set-Cookie").Single(c => c.StartsWith("ftg_session=", StringComparison.Ordinal)).ToLowerInvariant();
        Assert.Contains("httponly", session);
        Assert.Contains("samesite=strict", session);
        Assert.Contains("path=/", session);
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/models")).StatusCode);
        // The cookie is for pages: the API, which has no form tokens, does not take it.
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync("/api/v1/jobs")).StatusCode);
        Assert.NotEmpty(cookies.GetAllCookies());
    }

    [Theory]
    [InlineData("//evil.example/")]
    [InlineData("https://evil.example/")]
    [InlineData("/\\evil.example")]
    public async Task SignIn_NeverLeadsElsewhere(string target)
    {
        using var browser = PageBrowser.Open(gateway, out _);
        using var form = await browser.GetAsync("/login?ReturnUrl=" + Uri.EscapeDataString(target));
        using var entered = await PageBrowser.SendFormAsync(browser, "/login", await form.Content.ReadAsStringAsync(), ("key", gateway.AdminSecret));
        Assert.Equal((HttpStatusCode.Redirect, "/"), (entered.StatusCode, entered.Headers.Location!.ToString()));
    }

    [Fact]
    public async Task SignInLink_WorksOnce()
    {
        var link = gateway.App.Services.GetRequiredService<SignInLinks>().Create(gateway.App.Services.GetRequiredService<ApiKeys>().Hash(gateway.AdminSecret)!);
        using var first = PageBrowser.Open(gateway, out _);
        Assert.Equal(HttpStatusCode.Redirect, (await first.GetAsync(link)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await first.GetAsync("/")).StatusCode);
        using var second = PageBrowser.Open(gateway, out _);
        Assert.Equal(HttpStatusCode.Unauthorized, (await second.GetAsync(link)).StatusCode);
        Assert.Equal(HttpStatusCode.Redirect, (await second.GetAsync("/")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await second.GetAsync("/login?token=" + new string('0', 48))).StatusCode);
    }

    [Fact]
    public async Task Form_WithoutItsToken_ChangesNothing()
    {
        var job = await JobAsync("form");
        using var browser = await PageBrowser.SignedInAsync(gateway, gateway.AdminSecret);
        foreach (var path in (string[])["/login", "/logout", $"/jobs/{job}/cancel"])
            await browser.PostAsync(path, new FormUrlEncodedContent([new("key", gateway.AdminSecret)])).ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
        using var other = await PageBrowser.SignedInAsync(gateway, gateway.AdminSecret);
        var foreignToken = await other.GetStringAsync($"/jobs/{job}");
        await PageBrowser.SendFormAsync(browser, $"/jobs/{job}/cancel", foreignToken).ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
        Assert.NotEqual("cancelled", (await gateway.Member.GetAsync($"/api/v1/jobs/{job}").JsonAsync()).Text("status"));

        using var done = await PageBrowser.SendFormAsync(browser, $"/jobs/{job}/cancel", await browser.GetStringAsync($"/jobs/{job}"));
        Assert.Equal(HttpStatusCode.Redirect, done.StatusCode);
        Assert.Equal("cancelled", (await gateway.Member.GetAsync($"/api/v1/jobs/{job}").JsonAsync()).Text("status"));
    }

    [Fact]
    public async Task Reader_SeesAJobWithoutItsButtons()
    {
        var job = await JobAsync("looked-at");
        var (id, secret) = await gateway.KeyAsync("reader", GatewayUnderTest.Acme);
        using var browser = await PageBrowser.SignedInAsync(gateway, secret);
        var page = await browser.GetStringAsync($"/jobs/{job}");
        Assert.DoesNotContain("/cancel", page);
        using var refused = await PageBrowser.SendFormAsync(browser, $"/jobs/{job}/cancel", page);
        Assert.Equal("validating", (await gateway.Member.GetAsync($"/api/v1/jobs/{job}").JsonAsync()).Text("status"));
        await gateway.Admin.DeleteAsync($"/api/v1/keys/{id}").JsonAsync();
        Assert.Equal(HttpStatusCode.Redirect, (await browser.GetAsync($"/jobs/{job}")).StatusCode);
    }

    [Fact]
    public async Task Stranger_SeesNoPageOfAnotherOrganisationsJob()
    {
        var job = await JobAsync("private");
        using var browser = await PageBrowser.SignedInAsync(gateway, (await gateway.KeyAsync("member", GatewayUnderTest.Globex)).Secret);
        await browser.GetAsync($"/jobs/{job}").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        foreach (var list in (string[])["/", "/jobs", "/jobs?state=active", "/jobs?org=acme"]) Assert.DoesNotContain(job, await browser.GetStringAsync(list));
    }

    [Fact]
    public async Task Pages_ShowHostileNamesAsText_UnderAStrictPolicy()
    {
        var job = await JobAsync(Hostile);
        using var browser = await PageBrowser.SignedInAsync(gateway, gateway.AdminSecret);
        foreach (var path in (string[])["/", "/jobs", "/jobs/new", $"/jobs/new?from={job}", $"/jobs/{job}", $"/jobs/{job}?part=head", "/models", "/datasets", "/adapters", "/nodes", "/keys"])
        {
            using var response = await browser.GetAsync(path);
            var page = await response.Content.ReadAsStringAsync();
            Assert.True(response.StatusCode == HttpStatusCode.OK, $"{path}: {response.StatusCode} {page}");
            Assert.DoesNotContain("<script>alert", page);
            var policy = response.Headers.GetValues("Content-Security-Policy").Single();
            Assert.Contains("default-src 'none'", policy);
            Assert.Contains("frame-ancestors 'none'", policy);
            Assert.DoesNotContain("unsafe", policy);
            Assert.Equal("no-store", response.Headers.GetValues("Cache-Control").Single());
            Assert.False(InlineCode().IsMatch(page), $"{path} holds inline code or style, which its own policy forbids");
        }
        Assert.Contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;", await browser.GetStringAsync($"/jobs/{job}"));
    }

    [Fact]
    public async Task SignOut_EndsTheSession()
    {
        using var browser = await PageBrowser.SignedInAsync(gateway, gateway.AdminSecret);
        using var left = await PageBrowser.SendFormAsync(browser, "/logout", await browser.GetStringAsync("/"));
        Assert.Equal(HttpStatusCode.Redirect, left.StatusCode);
        Assert.Equal(HttpStatusCode.Redirect, (await browser.GetAsync("/")).StatusCode);
    }

    [Theory]
    [InlineData("/assets/site.css", "text/css")]
    [InlineData("/assets/site.js", "text/javascript")]
    [InlineData("/assets/parts.js", "text/javascript")]
    [InlineData("/assets/job.js", "text/javascript")]
    [InlineData("/assets/icon.svg", "image/svg+xml")]
    public async Task PageAssets_AreServed(string path, string type)
    {
        using var response = await gateway.Nobody.GetAsync(path);
        Assert.Equal((HttpStatusCode.OK, type), (response.StatusCode, response.Content.Headers.ContentType!.MediaType));
    }

    private async Task<string> JobAsync(string name)
    {
        using var known = await gateway.Member.GetAsync("/api/v1/models/pages");
        if (!known.IsSuccessStatusCode)
        {
            await gateway.Member.AddDatasetAsync("pages");
            await gateway.Member.AddModelAsync("pages");
        }
        return (await gateway.Member.SubmitAsync(Samples.Job("pages", "pages", name: name)).JsonAsync(HttpStatusCode.Created)).Text("id");
    }

    [GeneratedRegex("""<[^>]+\s(on[a-z]+|style)=|<script>|<style|javascript:""", RegexOptions.IgnoreCase)]
    private static partial Regex InlineCode();
}
