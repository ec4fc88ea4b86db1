using System.Diagnostics;
using System.Net;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>What an operator relies on.</summary>
[Collection(GatewayCollection.Name)]
public sealed class ServiceTests(GatewayUnderTest gateway)
{
    [Theory]
    [InlineData("/livez")]
    [InlineData("/readyz")]
    [InlineData("/healthz")]
    public async Task Health_NeedsNoKey(string path) =>
        Assert.Equal("ok", (await gateway.Nobody.GetAsync(path).JsonAsync()).Text("status"));

    [Fact]
    public async Task OpenApi_DescribesEveryApiRoute()
    {
        var document = await gateway.Nobody.GetAsync("/openapi/v1.json").JsonAsync();
        var paths = document.GetProperty("paths").EnumerateObject().Select(p => p.Name.TrimEnd('/')).ToList();
        foreach (var path in (string[])["/api/v1/jobs", "/api/v1/jobs/{id}", "/api/v1/jobs/{id}/events/stream", "/api/v1/models/{name}/commit", "/api/v1/adapters/{org}/{name}", "/api/v1/keys", "/readyz"])
            Assert.Contains(path, paths);
        Assert.DoesNotContain("/login", paths);
    }
}

/// <summary>With a gateway of its own, which it stops.</summary>
public sealed class ShutdownTests
{
    [Fact]
    public async Task Stop_DoesNotWaitForReadersOfAStream()
    {
        var gateway = new GatewayUnderTest();
        await gateway.InitializeAsync();
        try
        {
            await gateway.Member.AddDatasetAsync("d");
            await gateway.Member.AddModelAsync("m");
            var job = (await gateway.Member.SubmitAsync(Samples.Job("m", "d")).JsonAsync(HttpStatusCode.Created)).Text("id");
            using var events = await gateway.Reader.GetAsync($"/api/v1/jobs/{job}/events/stream", HttpCompletionOption.ResponseHeadersRead);
            using var log = await gateway.Reader.GetAsync($"/api/v1/jobs/{job}/logs?follow=true", HttpCompletionOption.ResponseHeadersRead);
            var clock = Stopwatch.StartNew();
            await gateway.App.StopAsync();
            // The host's own patience is 30 s. A wait inside a grain ends by itself.
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"the stop took {clock.Elapsed}");
            // Cut, not ended: an end would say that the job is over.
            await Assert.ThrowsAnyAsync<Exception>(async () => await (await events.Content.ReadAsStreamAsync()).CopyToAsync(Stream.Null));
        }
        finally
        {
            await gateway.DisposeAsync();
        }
    }
}
