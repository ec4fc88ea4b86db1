using System.Net;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Pages of jobs: lists with filters, the form for a new one, the stream that a job's page follows.</summary>
[Collection(GatewayCollection.Name)]
public sealed class JobPageTests(GatewayUnderTest gateway) : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private const string Asset = "job-pages";

    private HttpClient _browser = null!;

    public async Task InitializeAsync()
    {
        _browser = await PageBrowser.SignedInAsync(gateway, (await gateway.KeyAsync("member", GatewayUnderTest.Acme)).Secret);
        using var known = await gateway.Member.GetAsync($"/api/v1/models/{Asset}");
        if (known.IsSuccessStatusCode) return;
        await gateway.Member.AddDatasetAsync(Asset);
        await gateway.Member.AddModelAsync(Asset);
    }

    public Task DisposeAsync()
    {
        _browser.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task List_ShowsWhatItsFiltersLetThrough()
    {
        var (kept, ended) = (await SubmitAsync("filter-kept"), await SubmitAsync("filter-ended"));
        await gateway.Member.PostAsync($"/api/v1/jobs/{ended}/cancel", null).JsonAsync();
        foreach (var (query, first, second) in ((string, bool, bool)[])
            [("", true, true), ("?state=active", true, false), ("?state=cancelled", false, true), ($"?base={Asset}", true, true), ("?base=nothing", false, false), ("?state=nonsense", false, false), ($"?state=cancelled&base={Asset}&org=globex", false, true)])
        {
            var page = await _browser.GetStringAsync("/jobs" + query);
            Assert.True((page.Contains(kept), page.Contains(ended)) == (first, second), $"{query}: {page}");
        }
    }

    [Fact]
    public async Task List_GoesOnToOlderJobs()
    {
        var jobs = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => SubmitAsync($"page-{i}")));
        var (seen, next) = (new HashSet<string>(), "/jobs");
        for (var pages = 0; next is not null; pages++)
        {
            Assert.True(pages < 50, "the pages never end");
            var page = await _browser.GetAsync(next).AnswerAsync();
            seen.UnionWith(jobs.Where(page.Contains));
            next = page.Split("rel=\"next\" href=\"") is [_, var rest] ? rest.Split('"')[0] : null;
        }
        Assert.Equal(jobs.Order(), seen.Order());
    }

    [Fact]
    public async Task Overview_ShowsWhatWaits()
    {
        var job = await SubmitAsync("overview-waits");
        var page = await _browser.GetAsync("/").AnswerAsync();
        Assert.Contains("No node is alive", page);
        Assert.Contains(job, page.Split("<h2>Waiting</h2>")[1].Split("<h2>Ended lately</h2>")[0]);
    }

    [Fact]
    public async Task Form_ShowsItsRequestAsCurl_AndTheRequestIsTheJob()
    {
        var page = await _browser.GetStringAsync("/jobs/new");
        (string, string)[] fields =
        [
            ("name", "it's new"), ("base_model", Asset), ("adapter", "acme/formed"), ("data.train", Asset), ("method.rank", "4"), ("optimizer.learning_rate", "0.001"), ("more", """{"checkpoint":{"every_steps":7}}"""),
        ];
        var curl = await PageBrowser.SendFormAsync(_browser, "/jobs/new?part=curl", page, fields).AnswerAsync();
        var sent = JsonDocument.Parse(curl.Split("-d '")[1].Split("'</pre>")[0].Replace(@"'\''", "'")).RootElement;
        using var accepted = await PageBrowser.SendFormAsync(_browser, "/jobs/new", page, [.. fields, ("do", "submit")]);
        using var again = await PageBrowser.SendFormAsync(_browser, "/jobs/new", page, [.. fields, ("do", "submit")]);
        Assert.Equal((HttpStatusCode.Redirect, accepted.Headers.Location), (again.StatusCode, again.Headers.Location));

        var spec = (await gateway.Member.GetAsync($"/api/v1{accepted.Headers.Location}").JsonAsync()).GetProperty("spec");
        var direct = (await gateway.Member.SubmitAsync(sent.GetRawText()).JsonAsync(HttpStatusCode.Created)).GetProperty("spec");
        Assert.Equal(direct.GetRawText(), spec.GetRawText());
        Assert.Equal(("it's new", 4, 7), (spec.Text("name"), spec.GetProperty("method").GetProperty("rank").GetInt32(), spec.GetProperty("checkpoint").GetProperty("every_steps").GetInt32()));
    }

    [Fact]
    public async Task Form_OfAnotherJob_GivesThatJobAgain()
    {
        var job = await SubmitAsync("again");
        var page = await _browser.GetStringAsync($"/jobs/new?from={job}");
        var fields = Fields(page);
        using var accepted = await PageBrowser.SendFormAsync(_browser, "/jobs/new", page, [.. fields, ("do", "submit")]);
        Assert.True(accepted.StatusCode == HttpStatusCode.Redirect, WebUtility.HtmlDecode(await accepted.Content.ReadAsStringAsync()));
        var (first, second) = (await gateway.Member.GetAsync($"/api/v1/jobs/{job}").JsonAsync(), await gateway.Member.GetAsync($"/api/v1{accepted.Headers.Location}").JsonAsync());
        Assert.NotEqual(first.Text("id"), second.Text("id"));
        Assert.Equal(first.GetProperty("spec").GetRawText(), second.GetProperty("spec").GetRawText());
    }

    [Theory]
    [InlineData("method.rank", "many", "method.rank", HttpStatusCode.UnprocessableEntity)]
    [InlineData("base_model", "no-such", "base_model", HttpStatusCode.NotFound)]
    [InlineData("adapter", "globex/theirs", "adapter", HttpStatusCode.NotFound)]
    [InlineData("more", "[1]", "no JSON object", HttpStatusCode.BadRequest)]
    [InlineData("more", "{\"a\":", "no JSON object", HttpStatusCode.BadRequest)]
    public async Task Form_WithAFault_SaysWhichField_AndKeepsWhatWasTyped(string field, string value, string told, HttpStatusCode status)
    {
        var fields = new Dictionary<string, string> { ["base_model"] = Asset, ["adapter"] = "acme/formed", ["data.train"] = Asset, ["name"] = "typed before", [field] = value };
        var answer = await PageBrowser.SendFormAsync(_browser, "/jobs/new", await _browser.GetStringAsync("/jobs/new"), [.. fields.Select(f => (f.Key, f.Value)), ("do", "submit")]).AnswerAsync(status);
        Assert.Contains(told, answer.Split("role=\"alert\">")[1].Split("</div>")[0]);
        Assert.Contains("typed before", answer);
    }

    [Fact]
    public async Task Stream_GivesABrowserTheJobsEvents()
    {
        var job = await SubmitAsync("streamed");
        await gateway.Member.PostAsync($"/api/v1/jobs/{job}/cancel", null).JsonAsync();
        using var stream = await _browser.GetAsync($"/jobs/{job}/stream?after=0").WaitAsync(Limit);
        var text = await stream.Content.ReadAsStringAsync().WaitAsync(Limit);
        Assert.Equal("text/event-stream", stream.Content.Headers.ContentType?.MediaType);
        Assert.Contains("event: state", text);
        Assert.Contains("cancelled", text);
        using var stranger = await PageBrowser.SignedInAsync(gateway, (await gateway.KeyAsync("member", GatewayUnderTest.Globex)).Secret);
        await stranger.GetAsync($"/jobs/{job}/stream").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
    }

    private async Task<string> SubmitAsync(string name) => (await gateway.Member.SubmitAsync(Samples.Job(Asset, Asset, name: name)).JsonAsync(HttpStatusCode.Created)).Text("id");

    /// <summary>What the form holds when it is opened.</summary>
    private static List<(string Name, string Value)> Fields(string page)
    {
        var form = page.Split("<form class=\"job\"")[1].Split("</form>")[0];
        var fields = new List<(string, string)>();
        foreach (var input in form.Split("<input name=\"").Skip(1)) fields.Add((input.Split('"')[0], WebUtility.HtmlDecode(input.Split("value=\"")[1].Split('"')[0])));
        foreach (var select in form.Split("<select name=\"").Skip(1))
            fields.Add((select.Split('"')[0], select.Split("</select>")[0].Split("<option selected>") is [_, var chosen] ? chosen.Split('<')[0] : ""));
        fields.Add(("more", WebUtility.HtmlDecode(form.Split("<textarea")[1].Split('>', 2)[1].Split("</textarea>")[0])));
        Assert.True(fields.Count > 15, $"{fields.Count} fields");
        return fields;
    }
}
