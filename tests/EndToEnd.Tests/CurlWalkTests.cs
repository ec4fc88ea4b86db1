using System.Security.Cryptography;
using System.Text.Json;

namespace FineTuneGrid.EndToEnd;

/// <summary>The README's commands with curl, executed as they are written there.</summary>
[Collection(SharedGrid.Name)]
public sealed class CurlWalkTests(SharedGrid shared) : IDisposable
{
    private const string Stream = "curl -N ";
    private const string Cancel = "/cancel";
    private const string Submit = "/api/v1/jobs ";

    private readonly string _folder = Directory.CreateTempSubdirectory("ftg-walk-").FullName;

    private GridProcess Grid => shared.Grid;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Readme_CurlWalk_SubmitsCancelsResubmitsAndPulls()
    {
        Prepare();
        var commands = Commands();
        var submit = commands.FindIndex(c => c.Contains(Submit, StringComparison.Ordinal));
        var cancel = commands.FindIndex(c => c.Contains(Cancel, StringComparison.Ordinal));
        var stream = commands.FindIndex(c => c.StartsWith(Stream, StringComparison.Ordinal));
        Assert.True(0 < submit && submit < stream && stream < cancel && cancel < commands.Count - 1, "the walk submits, streams, cancels, and then pulls");

        var cancelled = JobOf(await RunAsync(commands[..(submit + 1)]));
        Assert.Equal("cancelled", LastJson(await RunAsync([.. commands[..2], commands[cancel]], cancelled)).GetProperty("status").GetString());
        Assert.Contains("cancelled", await RunAsync([.. commands[..2], commands[stream]], cancelled), StringComparison.Ordinal);

        var again = JobOf(await RunAsync([.. commands[..2], commands[submit]]));
        Assert.Contains("\"succeeded\"", await RunAsync([.. commands[..2], commands[stream]], again), StringComparison.Ordinal);
        await RunAsync([.. commands[..2], .. commands[(cancel + 1)..]], again);

        var pulled = await File.ReadAllBytesAsync(Path.Combine(_folder, "adapter_model.safetensors"));
        Assert.Equal(await Grid.OnlyVersionAsync("team/first"), Convert.ToHexStringLower(SHA256.HashData(pulled)));
    }

    /// <summary>What the README takes for granted in the current folder: <c>data</c>, <c>MODEL_FOLDER</c> and <c>train.parquet</c>.</summary>
    private void Prepare()
    {
        Directory.CreateSymbolicLink(Path.Combine(_folder, "data"), Grid.Data);
        TinyModel.WriteTo(Path.Combine(_folder, "MODEL_FOLDER"));
        // The smaller of the sample's two files: the walk is about the commands.
        File.Copy(Path.Combine(Programs.Repository, "datasets", "samples", "validation.parquet"), Path.Combine(_folder, "train.parquet"));
    }

    /// <summary>The block's commands, a loop or a continued line being one. The first two set URL and AUTH.</summary>
    private List<string> Commands()
    {
        var block = File.ReadAllText(Path.Combine(Programs.Repository, "README.md")).Split("```").Single(b => b.TrimStart().StartsWith("URL=", StringComparison.Ordinal));
        var commands = new List<string>();
        var open = false;
        foreach (var line in block.Split('\n').Where(l => l.Trim().Length > 0 && !l.StartsWith('#')))
        {
            if (open) commands[^1] += "\n" + line;
            else commands.Add(line);
            open = line.EndsWith('\\') || (commands[^1].StartsWith("for ", StringComparison.Ordinal) && line != "done");
        }
        Assert.StartsWith("URL=http://127.0.0.1:", commands[0], StringComparison.Ordinal);
        Assert.StartsWith("AUTH=", commands[1], StringComparison.Ordinal);
        commands[0] = $"URL={Grid.Address}";
        return commands;
    }

    /// <summary>Runs the commands in one shell that ends at the first refusal of the server: curl itself succeeds when a server refuses.</summary>
    private Task<string> RunAsync(IEnumerable<string> commands, string? job = null)
    {
        var text = string.Join('\n', ["set -eu", "curl() { command curl --fail-with-body \"$@\"; echo; }", .. commands]);
        return Shell.RunAsync(_folder, "/bin/bash", "-c", job is null ? text : text.Replace("JOB_ID", job, StringComparison.Ordinal));
    }

    private static string JobOf(string output) => LastJson(output).GetProperty("id").GetString()!;

    private static JsonElement LastJson(string output) => JsonDocument.Parse(output.Split('\n').Last(l => l.StartsWith('{'))).RootElement;
}
