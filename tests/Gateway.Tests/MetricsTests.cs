using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Gateway.Telemetry;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Gateway.Tests;

/// <summary><c>/metrics</c> as a scraper reads it.</summary>
[Collection(GatewayCollection.Name)]
public sealed partial class MetricsTests(GatewayUnderTest gateway)
{
    [Fact]
    public async Task Scrape_NeedsNoKeyAndIsWellFormed()
    {
        using var response = await gateway.Nobody.GetAsync("/metrics");
        Assert.Equal((HttpStatusCode.OK, "text/plain"), (response.StatusCode, response.Content.Headers.ContentType!.MediaType));
        Assert.Equal("0.0.4", response.Content.Headers.ContentType.Parameters.Single(p => p.Name == "version").Value);
        var types = new Dictionary<string, string>();
        var seen = new HashSet<string>();
        foreach (var line in (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith("# TYPE ", StringComparison.Ordinal)) Assert.True(types.TryAdd(line.Split(' ')[2], line.Split(' ')[3]), $"twice: {line}");
            if (line.StartsWith('#')) continue;
            var sample = Sample().Match(line);
            Assert.True(sample.Success, line);
            Assert.True(types.ContainsKey(Suffix().Replace(sample.Groups["name"].Value, "")) || types.ContainsKey(sample.Groups["name"].Value), $"no TYPE before {line}");
            Assert.True(seen.Add(line[..line.LastIndexOf(' ')]), $"twice: {line}");
        }
        Assert.Equal("histogram", types["ftg_http_request_duration_seconds"]);
    }

    [Fact]
    public async Task Scrape_CountsJobsByStatus()
    {
        await gateway.Member.AddDatasetAsync("counted");
        await gateway.Member.AddModelAsync("counted");
        var job = (await gateway.Member.SubmitAsync(Samples.Job("counted", "counted")).JsonAsync(HttpStatusCode.Created)).Text("id");
        await gateway.Member.PostAsync($"/api/v1/jobs/{job}/cancel", null).JsonAsync();
        // A census may be two seconds old.
        await Eventually.HoldsAsync(async () =>
        {
            var all = (await gateway.Admin.GetAsync("/api/v1/jobs?limit=1000").JsonAsync()).GetProperty("data").EnumerateArray().CountBy(j => j.Text("status")).ToDictionary();
            var samples = await ScrapeAsync();
            var shown = Enum.GetNames<JobStatus>().ToDictionary(s => s.ToLowerInvariant(), s => (int)samples[$"ftg_jobs{{status=\"{s.ToLowerInvariant()}\"}}"]);
            return all["cancelled"] > 0 && shown.All(s => s.Value == all.GetValueOrDefault(s.Key));
        }, "the figures should be those of the list of jobs");
    }

    [Fact]
    public async Task Scrape_CountsRequestsByRouteAndStatus_NeverByPath()
    {
        const string name = "ftg_http_request_duration_seconds";
        var before = await ScrapeAsync();
        for (var i = 0; i < 3; i++) await gateway.Admin.GetAsync($"/api/v1/jobs/job-secret-{i}");
        await gateway.Nobody.GetAsync("/wp-login.php");
        var after = await ScrapeAsync();
        foreach (var (labels, more) in ((string, int)[])[("route=\"/api/v1/jobs/{id}\",status=\"4xx\"", 3), ("route=\"none\",status=\"4xx\"", 1)])
        {
            Assert.Equal(before.GetValueOrDefault($"{name}_count{{{labels}}}") + more, after[$"{name}_count{{{labels}}}"]);
            Assert.Equal(after[$"{name}_count{{{labels}}}"], after[$"{name}_bucket{{{labels},le=\"+Inf\"}}"]);
            var buckets = after.Where(s => s.Key.StartsWith($"{name}_bucket{{{labels}", StringComparison.Ordinal)).Select(s => s.Value).ToList();
            Assert.Equal(buckets.Order(), buckets);
        }
        Assert.DoesNotContain(after.Keys, k => k.Contains("secret", StringComparison.Ordinal) || k.Contains("wp-login", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Scrape_ShowsTheProcessAndTheFleet()
    {
        var samples = await ScrapeAsync();
        Assert.InRange(samples["process_cpu_seconds_total"], 0.01, 1e6);
        Assert.InRange(samples["process_resident_memory_bytes"], 10 << 20, 64L << 30);
        Assert.InRange(samples["process_start_time_seconds"], 1.7e9, DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1);
        Assert.Equal((1, 0, 0), (samples["ftg_grains_up"], samples["ftg_nodes_alive"], samples["ftg_queue_waiting"]));
    }

    [Fact]
    public void Labels_AreEscaped() =>
        Assert.Equal("a{b=\"\\\"\\\\\\n\"} +Inf\n", new PrometheusText().Sample("a", double.PositiveInfinity, ("b", "\"\\\n")).ToString());

    private async Task<Dictionary<string, double>> ScrapeAsync() =>
        (await gateway.Nobody.GetStringAsync("/metrics")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => !l.StartsWith('#'))
            .ToDictionary(l => l[..l.LastIndexOf(' ')], l => l[(l.LastIndexOf(' ') + 1)..] is "+Inf" ? double.PositiveInfinity : double.Parse(l[(l.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));

    [GeneratedRegex("""^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-z_]+="([^"\\\n]|\\.)*",?)+\})? (\+Inf|-?[0-9.]+(E[+-]?[0-9]+)?)$""")]
    private static partial Regex Sample();

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex Suffix();
}
