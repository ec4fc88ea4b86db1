using System.Net;
using System.Net.Http.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway.Tests.Support;
using FineTuneGrid.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Housekeeping on request, and its figures.</summary>
[Collection(GatewayCollection.Name)]
public sealed class HousekeepingTests(GatewayUnderTest gateway)
{
    private const string Route = "/api/v1/housekeeping";

    [Fact]
    public async Task DryRun_ListsWhatWouldGo_AndARunRemovesIt()
    {
        var id = (await gateway.Member.PostAsJsonAsync("/api/v1/datasets", new { name = "swept" }).JsonAsync(HttpStatusCode.Created)).Text("id");
        (await gateway.Member.DeleteAsync("/api/v1/datasets/swept")).EnsureSuccessStatusCode();
        var blobs = gateway.App.Services.GetRequiredService<IBlobStore>();
        var rest = $"datasets/{id}/source/late";
        await blobs.WriteBytesAsync(rest, new byte[123]);

        var dry = await gateway.Admin.PostAsync($"{Route}?dry_run=true", null).JsonAsync();
        var item = dry.GetProperty("items").EnumerateArray().Single(i => i.Text("key") == rest);
        Assert.Equal(("deleted", 123), (item.Text("kind"), item.GetProperty("bytes").GetInt64()));
        Assert.NotNull(await blobs.StatAsync(rest));

        var before = await RemovedAsync();
        var run = await gateway.Admin.PostAsync(Route, null).JsonAsync();
        Assert.False(run.GetProperty("dry_run").GetBoolean());
        Assert.Null(await blobs.StatAsync(rest));
        Assert.True(await RemovedAsync() >= before + 123);
    }

    [Fact]
    public async Task Run_ByAnyoneButAnAdmin_IsRefused()
    {
        foreach (var client in (HttpClient[])[gateway.Member, gateway.Reader, gateway.Stranger])
            await client.PostAsync(Route, null).ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
    }

    private async Task<double> RemovedAsync()
    {
        const string line = "ftg_housekeeping_removed_bytes_total{kind=\"deleted\"} ";
        var text = await gateway.Nobody.GetStringAsync("/metrics");
        return double.Parse(text.Split('\n').Single(l => l.StartsWith(line, StringComparison.Ordinal))[line.Length..], System.Globalization.CultureInfo.InvariantCulture);
    }
}
