using System.Net;
using System.Text.Json;
using FineTuneGrid.Orleans.Tests.Support;
using FineTuneGrid.Silo;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Dashboard;
using Orleans.Hosting;
using Orleans;

namespace FineTuneGrid.Orleans.Tests;

public sealed class DashboardTests
{
    [Fact]
    public async Task Page_IsServedBelowThePrefix()
    {
        await using var app = await StartAsync();
        using var http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = new Uri(app.Urls.First()) };
        using var redirect = await http.GetAsync("/dashboard");
        Assert.Equal(HttpStatusCode.MovedPermanently, redirect.StatusCode);
        var page = await http.GetStringAsync("/dashboard/");
        Assert.Contains("index.min.js", page);
        Assert.Contains("version", await http.GetStringAsync("/dashboard/version"));
        using var style = await http.GetAsync("/dashboard/index.css");
        Assert.Equal("text/css", style.Content.Headers.ContentType!.MediaType);
    }

    [Fact]
    public async Task Counters_CountTheCallsThatWereMade()
    {
        await using var app = await StartAsync();
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        var grain = app.Services.GetRequiredService<IGrainFactory>().GetGrain<IValueGrain>("d");

        // Profiling begins with the first look and shows a call a little later, so calls go on until they are seen.
        await UntilAsync(async () =>
        {
            await grain.Half(2);
            await Assert.ThrowsAsync<InvalidOperationException>(() => grain.Throw("for the count"));
            var counters = await http.GetFromJsonElementAsync("/dashboard/DashboardCounters");
            var ours = counters.GetProperty("simpleGrainStats").EnumerateArray()
                .SingleOrDefault(stats => stats.GetProperty("grainType").GetString()!.EndsWith(nameof(ValueGrain), StringComparison.Ordinal));
            if (ours.ValueKind != JsonValueKind.Object
                || ours.GetProperty("totalCalls").GetInt64() == 0
                || ours.GetProperty("totalExceptions").GetInt64() == 0)
                return false;
            Assert.Equal(1, ours.GetProperty("activationCount").GetInt32());
            Assert.Equal("Active", counters.GetProperty("hosts")[0].GetProperty("status").GetString());
            return true;
        });
        await UntilAsync(async () =>
        {
            await grain.Half(2);
            var stats = await http.GetFromJsonElementAsync("/dashboard/ClusterStats");
            return stats.EnumerateObject().Any(period => period.Value.GetProperty("count").GetInt64() > 0);
        });
        var top = await http.GetFromJsonElementAsync("/dashboard/TopGrainMethods");
        Assert.Contains(top.GetProperty("errors").EnumerateArray(), method =>
            method.GetProperty("method").GetString()!.Contains(nameof(IValueGrain.Throw), StringComparison.Ordinal));
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!await condition())
        {
            Assert.False(limit.IsCancellationRequested, "The dashboard did not show the calls within 30 s.");
            await Task.Delay(50, CancellationToken.None);
        }
    }

    private static async Task<WebApplication> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(FreePort.Take(), FreePort.Take());
            silo.AddMemoryGrainStorage("memory");
            silo.Services.AddSingleton<Journal>();
            TestSilo.AddJson(silo.Services);
            silo.AddDashboard(options => options.HideTrace = true);
        });
        var app = builder.Build();
        app.MapOrleansDashboard(routePrefix: "/dashboard");
        await app.StartAsync();
        return app;
    }
}

internal static class HttpJson
{
    public static async Task<JsonElement> GetFromJsonElementAsync(this HttpClient http, string path)
    {
        using var document = JsonDocument.Parse(await http.GetStringAsync(path));
        return document.RootElement.Clone();
    }
}
