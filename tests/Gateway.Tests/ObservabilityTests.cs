using System.Text.Json;
using System.Text.RegularExpressions;
using FineTuneGrid.Gateway.Tests.Support;
using YamlDotNet.Serialization;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>Alerts and the dashboard ask only for what the grid exposes, and every alert has its page.</summary>
[Collection(GatewayCollection.Name)]
public sealed partial class ObservabilityTests(GatewayUnderTest gateway)
{
    private static readonly string Folder = Path.Combine(RepositoryRoot(), "deploy", "observability");

    [Fact]
    public async Task AlertsAndDashboard_NameOnlyWhatIsExposed()
    {
        var exposed = (await ExposedAsync()).Concat(TrainerInstruments()).ToHashSet();
        var asked = Expressions().SelectMany(e => Metric().Matches(e).Select(m => m.Value)).Distinct().ToList();
        Assert.InRange(asked.Count, 10, 100);
        Assert.Empty(asked.Except(exposed));
    }

    [Fact]
    public void EveryAlert_HasItsPageAndAnExpressionWithBalancedBrackets()
    {
        var pages = File.ReadLines(Path.Combine(Folder, "RUNBOOK.md")).Where(l => l.StartsWith("## ", StringComparison.Ordinal)).Select(l => l[3..]).ToList();
        Assert.Equal(Alerts().Select(a => (string)a["alert"]).Order(), pages.Order());
        foreach (var alert in Alerts())
        {
            var annotations = (Dictionary<object, object>)alert["annotations"];
            Assert.Equal($"RUNBOOK.md#{((string)alert["alert"]).ToLowerInvariant()}", annotations["runbook"]);
            Assert.NotEmpty((string)annotations["summary"]);
        }
        Assert.All(Expressions(), e => Assert.True(e.Count(c => c == '(') == e.Count(c => c == ')') && e.Count(c => c == '{') == e.Count(c => c == '}'), e));
    }

    private static IEnumerable<string> Expressions()
    {
        using var dashboard = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "grafana-dashboard.json")));
        var panels = dashboard.RootElement.GetProperty("panels").EnumerateArray().SelectMany(p => p.GetProperty("targets").EnumerateArray()).Select(t => t.GetProperty("expr").GetString()!);
        return [.. panels, .. Alerts().Select(a => (string)a["expr"])];
    }

    private static IEnumerable<Dictionary<object, object>> Alerts()
    {
        var file = new Deserializer().Deserialize<Dictionary<string, List<Dictionary<string, object>>>>(File.ReadAllText(Path.Combine(Folder, "alerts.yaml")));
        return file["groups"].SelectMany(g => (List<object>)g["rules"]).Cast<Dictionary<object, object>>();
    }

    private async Task<IEnumerable<string>> ExposedAsync()
    {
        var lines = (await gateway.Nobody.GetStringAsync("/metrics")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return lines.Where(l => l[0] != '#').Select(l => Metric().Match(l).Value).Distinct();
    }

    /// <summary>As Prometheus names what trainers send by OTLP: dots become underscores, the unit and the kind are appended.</summary>
    private static IEnumerable<string> TrainerInstruments()
    {
        var source = File.ReadAllText(Path.Combine(RepositoryRoot(), "trainers", "Trainer", "Training", "RunTelemetry.cs"));
        foreach (Match made in Instrument().Matches(source))
        {
            var name = made.Groups["name"].Value.Replace('.', '_');
            if (made.Groups["kind"].Value == "Counter") yield return name + "_total";
            else foreach (var suffix in (string[])["_bucket", "_sum", "_count"]) yield return name + "_seconds" + suffix;
        }
    }

    private static string RepositoryRoot()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(Path.Combine(at.FullName, "FineTuneGrid.slnx"))) at = at.Parent;
        return at?.FullName ?? throw new InvalidOperationException("FineTuneGrid.slnx is in no folder above the tests");
    }

    [GeneratedRegex(@"\b(ftg|process)_[a-z_]+\b")]
    private static partial Regex Metric();

    [GeneratedRegex("""Create(?<kind>Histogram|Counter)<\w+>\("(?<name>[a-z.]+)", "[^"]+",""")]
    private static partial Regex Instrument();
}
