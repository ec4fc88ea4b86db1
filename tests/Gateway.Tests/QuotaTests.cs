using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>An organisation's quota, each in an organisation of its own.</summary>
[Collection(GatewayCollection.Name)]
public sealed class QuotaTests(GatewayUnderTest gateway)
{
    [Fact]
    public async Task Upload_BeyondTheQuota_IsRefused_AndDeletingMakesRoom()
    {
        var member = await MemberAsync("quota-upload", 3000);
        await DraftAsync(member, "first");
        await DraftAsync(member, "second");
        await member.PutAsync("/api/v1/datasets/first/files/a.jsonl", new byte[2000]).JsonAsync(HttpStatusCode.Created);

        var problem = await member.PutAsync("/api/v1/datasets/second/files/b.jsonl", new byte[1500]).ProblemAsync(HttpStatusCode.Conflict, ErrorCodes.QuotaExceeded);
        foreach (var part in (string[])["quota-upload", "1.95 KiB", "2.93 KiB", "dataset first"]) Assert.Contains(part, problem.Text("detail"));
        Assert.Equal("dataset first", problem.GetProperty("findings")[0].Text("where"));
        Assert.Equal(2000, await UsedAsync(member, "quota-upload"));

        (await member.DeleteAsync("/api/v1/datasets/first")).EnsureSuccessStatusCode();
        await member.PutAsync("/api/v1/datasets/second/files/b.jsonl", new byte[1500]).JsonAsync(HttpStatusCode.Created);
        Assert.Equal(1500, await UsedAsync(member, "quota-upload"));
    }

    [Fact]
    public async Task Upload_InPieces_IsRefusedAtThePieceThatDoesNotFit_AndGoesOnOnceItDoes()
    {
        var member = await MemberAsync("quota-pieces", 1500);
        await DraftAsync(member, "pieces");
        const string url = "/api/v1/datasets/pieces/files/a.jsonl";
        await member.PutAsync(url, new byte[1000], range: new ContentRangeHeaderValue(0, 999, 2000)).JsonAsync(HttpStatusCode.Accepted);
        var last = new ContentRangeHeaderValue(1000, 1999, 2000);
        await member.PutAsync(url, new byte[1000], range: last).ProblemAsync(HttpStatusCode.Conflict, ErrorCodes.QuotaExceeded);
        await QuotaAsync("quota-pieces", 5000);
        await member.PutAsync(url, new byte[1000], range: last).JsonAsync(HttpStatusCode.Created);
        Assert.Equal(2000, await UsedAsync(member, "quota-pieces"));
    }

    [Fact]
    public async Task Upload_OfUnknownLength_EndsAtTheQuota()
    {
        var member = await MemberAsync("quota-chunked", 100_000);
        await DraftAsync(member, "chunked");
        using var request = new HttpRequestMessage(HttpMethod.Put, "/api/v1/datasets/chunked/files/a.jsonl") { Content = new StreamContent(new MemoryStream(new byte[200_000])) };
        request.Headers.TransferEncodingChunked = true;
        await member.SendAsync(request).ProblemAsync(HttpStatusCode.Conflict, ErrorCodes.QuotaExceeded);
        Assert.Equal(0, await UsedAsync(member, "quota-chunked"));
    }

    [Fact]
    public async Task Submit_OfAFullOrganisation_IsRefused_ButARepetitionIsAnswered()
    {
        var member = await MemberAsync("quota-submit", null);
        await member.AddModelAsync("base");
        await member.AddDatasetAsync("rows");
        var body = Samples.Job("base", "rows", "quota-submit/tuned");
        var first = await member.SubmitAsync(body, "the-key").JsonAsync(HttpStatusCode.Created);
        await QuotaAsync("quota-submit", 1);

        await member.SubmitAsync(body).ProblemAsync(HttpStatusCode.Conflict, ErrorCodes.QuotaExceeded);
        Assert.Equal(first.Text("id"), (await member.SubmitAsync(body, "the-key").JsonAsync(HttpStatusCode.Created)).Text("id"));
        await QuotaAsync("quota-submit", null);
        await member.SubmitAsync(body).JsonAsync(HttpStatusCode.Created);
    }

    [Fact]
    public async Task Push_CountsAgainstTheQuotaOfItsOrganisation()
    {
        var member = await MemberAsync("quota-push", 500);
        const string url = "/api/v1/adapters/quota-push/pushed/files/";
        await member.PutAsync(url + "adapter_config.json", new byte[400]).JsonAsync(HttpStatusCode.Created);
        await member.PutAsync(url + "README.md", new byte[400]).ProblemAsync(HttpStatusCode.Conflict, ErrorCodes.QuotaExceeded);
        var usage = await member.GetAsync("/api/v1/orgs/quota-push").JsonAsync();
        Assert.True(usage.GetProperty("bytes").GetProperty("uploads").GetInt64() >= 400, usage.ToString());
    }

    [Fact]
    public async Task Usage_IsSeenByMembers_SetByAdmins_AndOtherOrganisationsDoNotExist()
    {
        var member = await MemberAsync("quota-seen", 7000);
        var shown = (await member.GetAsync("/api/v1/orgs").JsonAsync()).GetProperty("data").EnumerateArray().ToDictionary(o => o.Text("name"));
        Assert.Equal(["quota-seen", "shared"], shown.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(7000, shown["quota-seen"].GetProperty("quota_bytes").GetInt64());
        await member.PutAsJsonAsync("/api/v1/orgs/quota-seen/quota", new { bytes = 1 }).ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
        await gateway.Stranger.GetAsync("/api/v1/orgs/quota-seen").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await gateway.Admin.PutAsJsonAsync("/api/v1/orgs/quota-seen/quota", new { bytes = -1 }).ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue);
    }

    [Fact]
    public async Task DeleteJob_ThatIsOver_IsGoneWithItsBytes_OneThatIsNotStays()
    {
        var member = await MemberAsync("quota-jobs", null);
        await member.AddModelAsync("base");
        await member.AddDatasetAsync("rows");
        var id = (await member.SubmitAsync(Samples.Job("base", "rows", "quota-jobs/tuned"), "k").JsonAsync(HttpStatusCode.Created)).Text("id");
        await member.DeleteAsync($"/api/v1/jobs/{id}").ProblemAsync(HttpStatusCode.Conflict, ErrorCodes.Conflict);
        await member.PostAsync($"/api/v1/jobs/{id}/cancel", null).JsonAsync();
        await gateway.Stranger.DeleteAsync($"/api/v1/jobs/{id}").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        // What its end owes to others is on its way.
        await Eventually.HoldsAsync(
            async () => (await member.DeleteAsync($"/api/v1/jobs/{id}")).StatusCode == HttpStatusCode.NoContent, "the cancelled job should come to its end and be deleted");
        await member.GetAsync($"/api/v1/jobs/{id}").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        Assert.Empty((await member.GetAsync("/api/v1/jobs").JsonAsync()).GetProperty("data").EnumerateArray());
        await member.SubmitAsync(Samples.Job("base", "rows", "quota-jobs/tuned"), "k").ProblemAsync(HttpStatusCode.Conflict, ErrorCodes.Conflict);
    }

    private async Task<HttpClient> MemberAsync(string org, long? quota)
    {
        var client = gateway.Client((await gateway.KeyAsync("member", org)).Secret);
        if (quota is not null) await QuotaAsync(org, quota);
        return client;
    }

    private Task QuotaAsync(string org, long? bytes) => gateway.Admin.PutAsJsonAsync($"/api/v1/orgs/{org}/quota", new { bytes }).JsonAsync();

    private static Task DraftAsync(HttpClient member, string name) => member.PostAsJsonAsync("/api/v1/datasets", new { name }).JsonAsync(HttpStatusCode.Created);

    private static async Task<long> UsedAsync(HttpClient member, string org) => (await member.GetAsync($"/api/v1/orgs/{org}").JsonAsync()).GetProperty("used_bytes").GetInt64();
}
