using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using FineTuneGrid.Client;

namespace FineTuneGrid.Cli;

/// <summary>Has an export made, waits for it, and downloads its files; run again it goes on where it stopped.</summary>
public sealed class ExportDownload(CommandContext context)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>How often an export is asked for again that is gone, because its silo stopped.</summary>
    private const int MostBegins = 5;

    /// <param name="root">Address of the model, by its id, or of the version.</param>
    /// <returns>The export, as REST shows it.</returns>
    public async Task<JsonElement> RunAsync(string root, object request, DirectoryInfo directory, CancellationToken ct)
    {
        var view = await WaitAsync(root, request, ct);
        var files = view.GetProperty("files").EnumerateArray().Select(f => (Path: SafePath.Check(f.Text("path")!), Length: (long)f.Number("length")!, Sha: f.Text("sha256")!)).ToList();
        CheckFolder(directory, [.. files.Select(f => f.Path)]);
        foreach (var file in files)
            await context.Files.DownloadAsync($"{root}/exports/{view.Text("export")}/files/{SafePath.Escape(file.Path)}",
                Path.Combine(directory.FullName, file.Path), file.Length, file.Sha, file.Path, ct);
        return view;
    }

    /// <summary>One line on what was measured.</summary>
    public static string Describe(JsonElement view) =>
        $"logits within {view.Rounded("report.parity.max_logit_difference", "0.######")} of the live model's (up to {view.Rounded("report.parity.largest_logit", "0.##")}), "
        + $"likeliest token the same in {view.Number("report.parity.top_one_agreement")?.ToString("p2", CultureInfo.InvariantCulture)} of {view.Text("report.parity.tokens")} positions";

    /// <summary>A folder that holds anything else is left alone: files of two exports would mix.</summary>
    /// <exception cref="CliException">Names the file.</exception>
    public static void CheckFolder(DirectoryInfo directory, IReadOnlyCollection<string> expected)
    {
        if (!directory.Exists)
            return;
        var known = expected.SelectMany(f => new[] { f, f + ".part" }).ToHashSet(StringComparer.Ordinal);
        var other = directory.EnumerateFileSystemInfos("*", SearchOption.AllDirectories).Where(i => i is FileInfo)
            .Select(f => Path.GetRelativePath(directory.FullName, f.FullName).Replace('\\', '/')).Order(StringComparer.Ordinal).FirstOrDefault(f => !known.Contains(f));
        if (other is not null)
            throw new CliException($"{directory} is not empty: it holds {other}, which is no part of this export; name an empty or new folder", 2);
    }

    private async Task<JsonElement> WaitAsync(string root, object request, CancellationToken ct)
    {
        var started = Stopwatch.GetTimestamp();
        var view = await context.Client.PostAsync($"{root}/exports", request, ct);
        var (begins, said) = (1, "");
        while (view.Text("status") is var status && status != "ready")
        {
            if (status == "failed")
                throw new CliException(view.Text("error.message") ?? "the export failed");
            if (status == "absent" && ++begins > MostBegins)
                throw new CliException("the export is lost again and again; look at the silo's log");
            Say(view, started, ref said);
            await Task.Delay(Pause, ct);
            view = status == "absent" ? await context.Client.PostAsync($"{root}/exports", request, ct)
                : await context.Client.GetAsync($"{root}/exports/{view.Text("export")}", ct);
        }
        return view;
    }

    private void Say(JsonElement view, long started, ref string said)
    {
        var stage = view.Text("progress.stage") ?? "waiting for a node";
        var line = view.Number("progress.done") is > 0 and var done ? $"{stage} {Math.Floor(done * 10) * 10:0}%" : stage;
        if (line == said)
            return;
        said = line;
        context.Output.Note($"{Stopwatch.GetElapsedTime(started).TotalSeconds:0} s: {line}");
    }
}
