using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FineTuneGrid.Browser.Tests.Support;
using FineTuneGrid.EndToEnd;

[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace FineTuneGrid.Browser.Tests;

/// <summary>The pages in Chromium, before a grid that trains.</summary>
[Collection(ShownGridGroup.Name)]
public sealed class BrowserTests(ShownGrid shown)
{
    [Fact]
    public async Task EveryPage_IsWithoutFaultsAndBarriers_InLightAndDark()
    {
        var report = (await Chromium.RunAsync(shown.Grid, "audit", Chromium.Pages(shown.Pages))).EnumerateArray().ToList();
        Assert.Equal(shown.Pages.Count * 2, report.Count);
        Assert.Empty(report.SelectMany(page => Texts(page, "faults").Concat(Texts(page, "barriers")).Select(fault => $"{page.GetProperty("name")} ({page.GetProperty("scheme")}): {fault}")));
        Assert.All(report, page => Assert.Equal(200, page.GetProperty("status").GetInt32()));
        Assert.All(report, page => Assert.NotEmpty(page.GetProperty("heading").GetString()!));
    }

    [Fact]
    public async Task EveryPage_CanBeReadWithoutScripts()
    {
        var report = (await Chromium.RunAsync(shown.Grid, "withoutScripts", Chromium.Pages(shown.Pages))).EnumerateArray().ToDictionary(p => p.GetProperty("name").GetString()!);
        Assert.Empty(report.SelectMany(page => Texts(page.Value, "faults").Select(fault => $"{page.Key}: {fault}")));
        Assert.Equal(5, report["job-ended"].GetProperty("curves").GetInt32());
        foreach (var (page, text) in ((string, string)[])
            [("overview", "Slots in use"), ("jobs", "team/waits"), ("job-ended", "succeeded"), ("job-waits", "Why it waits"), ("dataset", "96 rows of"), ("dataset-faults", "'completion' is empty"), ("adapter", "Versions"), ("node", "Slots"), ("keys", "Make key")])
            Assert.Contains(text, System.Net.WebUtility.HtmlDecode(report[page].GetProperty("text").GetString()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keyboard_ReachesWhatCanBePressed_WithAMarkThatIsSeen()
    {
        var report = await Chromium.RunAsync(shown.Grid, "keyboard", new JsonObject { ["path"] = $"/jobs/{shown.Waiting}", ["stops"] = 60 });
        var stops = report.GetProperty("stops").EnumerateArray().Where(s => s.GetProperty("tag").GetString() != "BODY").ToList();
        var texts = stops.ConvertAll(s => s.GetProperty("text").GetString()!);
        Assert.Equal("Skip to content", texts[0]);
        Assert.Equal("main", report.GetProperty("skipped").GetString());
        Assert.Equal(["Overview", "Jobs", "Adapters", "Models", "Data sets", "Nodes", "Keys"], texts.Intersect(["Overview", "Jobs", "Adapters", "Models", "Data sets", "Nodes", "Keys"]));
        foreach (var button in (string[])["Resume", "Cancel", "Sign out"]) Assert.Contains(button, texts);
        Assert.Empty(stops.Where(s => !s.GetProperty("marked").GetBoolean()).Select(s => s.GetRawText()));
        Assert.Empty(Texts(report, "faults"));
    }

    [Fact]
    public async Task Walk_FromTheFormToThePulledAdapter()
    {
        const int steps = 300;
        var fields = new JsonObject
        {
            ["name"] = "walked", ["base_model"] = "base", ["adapter"] = "team/walked", ["data.train"] = "train", ["data.validation"] = "validation", ["data.sequence_length"] = "128", ["method.rank"] = "4",
            ["optimizer.learning_rate"] = "0.005", ["optimizer.max_steps"] = $"{steps}", ["optimizer.batch_size"] = "8", ["more"] = """{"checkpoint":{"every_steps":20}}""",
        };
        var report = await Chromium.RunAsync(shown.Grid, "walk", new JsonObject { ["fields"] = fields, ["prompt"] = "Anna packed six pens." });
        Assert.Empty(Texts(report, "faults"));
        Assert.Contains("\"max_steps\": 300", report.GetProperty("curl").GetString(), StringComparison.Ordinal);

        Assert.True(report.GetProperty("stayed").GetBoolean(), "the page was loaded again while it was watched");
        var counts = report.GetProperty("counts").Deserialize<int[]>()!;
        Assert.True(counts.Count(c => c > 0) > 1 && counts.Max() == steps, $"the curve grew by {string.Join(", ", counts)} points");
        Assert.Equal(["grad_norm", "learning_rate", "tokens_per_second", "train_loss", "valid_loss"], report.GetProperty("curves").EnumerateArray().Select(c => c[0].GetString()).Order());

        Assert.Equal(JsonValueKind.Null, report.GetProperty("refusal").ValueKind);
        Assert.Equal(["team/walked@1", "base, without the adapter"], report.GetProperty("answers").EnumerateArray().Select(a => a.GetProperty("who").GetString()));
        Assert.All(report.GetProperty("answers").EnumerateArray(), a => Assert.Contains("tokens", a.GetProperty("how").GetString(), StringComparison.Ordinal));
        await PullAsShownAsync(report);
    }

    /// <summary>The commands that the page shows, with the key put in, bring the bytes that the page's link brings.</summary>
    private async Task PullAsShownAsync(JsonElement report)
    {
        var folder = Directory.CreateTempSubdirectory("ftg-browser-").FullName;
        try
        {
            var key = (await File.ReadAllTextAsync(Path.Combine(shown.Grid.Data, "admin.key"))).Trim();
            await File.WriteAllTextAsync(Path.Combine(folder, "ftg"), $"#!/bin/sh\nexec dotnet {Programs.Cli} \"$@\"\n");
            var commands = Texts(report, "commands").Select(c => Regex.Replace(c, @"\bKEY\b", key)).ToList();
            Assert.Equal(2, commands.Count);
            await Shell.RunAsync(folder, "sh", "-c", $"set -e; chmod +x ftg; PATH=.:$PATH; {string.Join("; ", commands)}");
            foreach (var pulled in (string[])[Path.Combine(folder, "walked", "adapter_model.safetensors"), Path.Combine(folder, "adapter_model.safetensors")])
                Assert.Equal(report.GetProperty("sha256").GetString(), Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(pulled))));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static IEnumerable<string> Texts(JsonElement report, string list) => report.GetProperty(list).EnumerateArray().Select(t => t.GetString()!);
}
