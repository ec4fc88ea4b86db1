using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Every list is <c>{"data": [...], "next": cursor or null}</c>, and its cursor goes through all of it once.</summary>
[Collection(GatewayCollection.Name)]
public sealed class ListTests(GatewayUnderTest gateway)
{
    [Theory]
    [InlineData("datasets")]
    [InlineData("models")]
    [InlineData("adapters")]
    [InlineData("keys")]
    [InlineData("nodes")]
    [InlineData("queues")]
    public async Task List_ByCursor_GivesEachItemOnce(string noun)
    {
        await FillAsync(noun);
        var whole = await gateway.Admin.GetAsync($"/api/v1/{noun}?limit=1000").JsonAsync();
        Assert.Equal(JsonValueKind.Null, whole.GetProperty("next").ValueKind);
        var expected = whole.GetProperty("data").EnumerateArray().Select(d => d.GetRawText()).ToList();
        if (noun is not ("nodes" or "queues")) Assert.True(expected.Count >= 3, $"{expected.Count} {noun}");
        var seen = new List<string>();
        string? next = null;
        do
        {
            var page = await gateway.Admin.GetAsync($"/api/v1/{noun}?limit=2{(next is null ? "" : "&after=" + Uri.EscapeDataString(next))}").JsonAsync();
            Assert.InRange(page.GetProperty("data").GetArrayLength(), expected.Count == 0 ? 0 : 1, 2);
            seen.AddRange(page.GetProperty("data").EnumerateArray().Select(d => d.GetRawText()));
            next = page.GetProperty("next").GetString();
        }
        while (next is not null);
        Assert.Equal(expected, seen);
        await gateway.Admin.GetAsync($"/api/v1/{noun}?limit=0").ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue);
    }

    [Fact]
    public async Task Checkpoints_AreAList()
    {
        await gateway.Member.AddDatasetAsync("listed");
        await gateway.Member.AddModelAsync("listed");
        var job = (await gateway.Member.SubmitAsync(Samples.Job("listed", "listed")).JsonAsync(HttpStatusCode.Created)).Text("id");
        var page = await gateway.Reader.GetAsync($"/api/v1/jobs/{job}/checkpoints?limit=2&after=10").JsonAsync();
        Assert.Equal((0, JsonValueKind.Null), (page.GetProperty("data").GetArrayLength(), page.GetProperty("next").ValueKind));
        await gateway.Reader.GetAsync($"/api/v1/jobs/{job}/checkpoints?limit=0").ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue);
        await gateway.Member.PostAsync($"/api/v1/jobs/{job}/cancel", null).JsonAsync();
    }

    private async Task FillAsync(string noun)
    {
        for (var i = 0; i < 3; i++)
        {
            switch (noun)
            {
                case "datasets" or "models":
                    await gateway.Member.PostAsJsonAsync($"/api/v1/{noun}", new { name = $"listed-{i}" }).JsonAsync(HttpStatusCode.Created);
                    break;
                case "keys":
                    await gateway.KeyAsync("reader", $"listed-{i}");
                    break;
                case "adapters":
                    if (i == 0) await gateway.Member.AddModelAsync("listed-base");
                    await gateway.Member.PushAdapterAsync("acme", $"listed-{i}", "listed-base", 32, "model.layers.0.self_attn.q_proj");
                    break;
            }
        }
    }
}
