using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Clients.Tests.Support;
using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Browser.Tests.Support;

/// <summary>A scenario of browser.mjs before a grid; its pictures go to artifacts/screenshots.</summary>
internal static class Chromium
{
    public static async Task<JsonElement> RunAsync(GridProcess grid, string scenario, JsonObject? order = null)
    {
        var modules = await NodeModules.FolderAsync("Browser");
        var all = order ?? [];
        all["scenario"] = scenario;
        all["address"] = grid.Address;
        all["key"] = (await File.ReadAllTextAsync(Path.Combine(grid.Data, "admin.key"))).Trim();
        all["screenshots"] = Path.Combine(NodeModules.Repository, "artifacts", "screenshots");
        var output = await Shell.RunAsync(modules, "node", Path.Combine(NodeModules.Repository, "tests", "Browser", "browser.mjs"), modules, all.ToJsonString());
        return JsonDocument.Parse(output).RootElement;
    }

    public static JsonObject Pages(IEnumerable<(string Name, string Path)> pages) =>
        new() { ["pages"] = new JsonArray([.. pages.Select(p => new JsonObject { ["name"] = p.Name, ["path"] = p.Path })]) };
}
