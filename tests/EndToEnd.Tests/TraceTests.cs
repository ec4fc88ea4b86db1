using System.Text;

namespace FineTuneGrid.EndToEnd;

/// <summary>One trace shows a job from the request that submitted it to every optimizer step, across all processes.</summary>
public sealed class TraceTests
{
    private const int Steps = 12;
    private const string Trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    private const string Caller = "00f067aa0ba902b7";

    [Fact]
    public async Task Job_SubmittedWithATraceContext_IsOneTraceFromTheRequestToTheSteps()
    {
        await using var collector = await OtlpCollector.StartAsync();
        string id;
        await using (var grid = await GridProcess.StartAsync(["--log-format", "json"], collector.Environment))
        {
            await TinyData.AddToAsync(grid);
            id = await SubmitAsync(grid);
            await new JobEvents(grid, id).SucceededAsync();
            Assert.Contains($"\"Job\":\"{id}\"", grid.Log, StringComparison.Ordinal);
            Assert.Equal(0, await grid.StopAsync()); // Every process sends the rest at its end.
        }

        var spans = collector.Spans.Where(s => s.Trace == Trace).ToList();
        var request = Assert.Single(spans, s => s.Parent == Caller);
        Assert.Equal("finetunegrid-control", request.Service);
        Assert.Equal(
            ["finetunegrid-control job", "finetunegrid-control job.publish", "finetunegrid-control job.resolve", "finetunegrid-control job.wait", "finetunegrid-node job.start", "finetunegrid-trainer job.train"],
            spans.Where(s => s.Parent == request.Id && s.Tags.GetValueOrDefault("ftg.job") == id).Select(s => $"{s.Service} {s.Name}").Distinct().Order(StringComparer.Ordinal)); // What was not done at the first try has a span for each.
        var train = Assert.Single(spans, s => s.Name == "job.train");
        Assert.Equal(Enumerable.Range(1, Steps), spans.Where(s => s.Name == "job.train.step" && s.Parent == train.Id).Select(s => int.Parse(s.Tags["ftg.step"], System.Globalization.CultureInfo.InvariantCulture)).Order());
        Assert.Contains(spans, s => s.Name == "job.train.checkpoint" && s.Parent == train.Id && s.Tags["ftg.step"] == Steps.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal("succeeded", spans.Single(s => s.Name == "job").Tags["ftg.status"]);
        Assert.Contains(("finetunegrid-trainer", "ftg.trainer.tokens"), collector.Instruments.Keys);
        Assert.Contains(("finetunegrid-control", "http.server.request.duration"), collector.Instruments.Keys);
        Assert.Contains(collector.Entries, e => e.Values.GetValueOrDefault("Job") == id && e.Values.ContainsKey("Epoch"));
    }

    [Fact]
    public async Task CollectorThatIsAway_HoldsUpNothing()
    {
        var environment = new Dictionary<string, string> { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9", ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf" };
        await using var grid = await GridProcess.StartAsync(environment: environment);
        await TinyData.AddToAsync(grid);
        await new JobEvents(grid, await SubmitAsync(grid)).SucceededAsync();
        Assert.Equal(0, await grid.StopAsync());
    }

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")]
    [InlineData("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")]
    public async Task BadSetting_IsRefusedByName(string name, string value)
    {
        var environment = new Dictionary<string, string> { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9", [name] = value };
        var data = GridProcess.NewDataDirectory();
        var output = new StringBuilder();
        using var host = HostProgram.Start(["--data", data, "--port", "0", "--no-samples"], line =>
        {
            lock (output) output.AppendLine(line);
        }, environment);
        await host.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(2, host.ExitCode);
        Assert.StartsWith($"error: The setting {name} ", output.ToString(), StringComparison.Ordinal);
        Directory.Delete(data, recursive: true);
    }

    private static async Task<string> SubmitAsync(GridProcess grid)
    {
        var spec = TinyData.Job("team/traced", job => job["optimizer"]!["max_steps"] = Steps);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/jobs") { Content = new StringContent(spec.ToJsonString(), Encoding.UTF8, "application/json") };
        request.Headers.Add("traceparent", $"00-{Trace}-{Caller}-01");
        using var response = await grid.Http.SendAsync(request);
        return new Answer(response.StatusCode, await response.Content.ReadAsStringAsync()).Ok()["id"]!;
    }
}
