using System.CommandLine;
using System.Text.Json;

namespace FineTuneGrid.Cli.Commands;

public static class HousekeepingCommand
{
    public static Command Create()
    {
        var dryRun = new Option<bool>("--dry-run") { Description = "Only list what would go." };
        return new Command("gc", "Remove now what nothing references any more: old checkpoints, abandoned uploads, the rest of what was deleted (admin).").Does(async (context, ct) =>
        {
            var report = await context.Client.PostAsync($"api/v1/housekeeping?dry_run={(context.Get(dryRun) ? "true" : "false")}", new { }, ct);
            context.Output.Result(report, () => Text(report, context.Get(dryRun)));
            return 0;
        }, dryRun);
    }

    private static string Text(JsonElement report, bool dryRun)
    {
        var lines = new List<string>();
        if (dryRun)
            lines.AddRange(report.GetProperty("items").EnumerateArray().Select(i => $"{i.Text("kind")}  {i.Text("bytes")}  {i.Text("key")}"));
        lines.AddRange(report.GetProperty("problems").EnumerateArray().Select(p => $"left as it is: {p.Text("where")}: {p.Text("message")}"));
        lines.AddRange(report.GetProperty("kinds").EnumerateArray().Where(k => k.Text("blobs") != "0").Select(k => $"{k.Text("kind")}: {k.Text("blobs")} blobs, {k.Text("bytes")} bytes"));
        lines.Add($"{(dryRun ? "would remove" : "removed")} {report.Text("blobs")} blobs, {report.Text("bytes")} bytes");
        return string.Join("\n", lines);
    }
}
