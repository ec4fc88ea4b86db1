using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Chaos;
using FineTuneGrid.Silo;

namespace FineTuneGrid.EndToEnd;

/// <summary>Nodes that go: behind a link that is cut, and with a warning, as a spot machine has it.</summary>
[Collection(SharedGrid.Name)]
public sealed class LeavingNodeTests : IAsyncLifetime
{
    /// <summary>The warning that clouds give before they take a machine.</summary>
    private static readonly TimeSpan Warning = TimeSpan.FromSeconds(30);

    private const int StepsOfAStop = 600;

    private readonly int _port = FreePort.Take();
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly List<(Process Agent, string Data)> _nodes = [];
    private GridProcess _grid = null!;

    public async Task InitializeAsync()
    {
        _grid = await GridProcess.StartAsync(["--roles", "silo,gateway", "--cluster-port", Text(_port)]);
        await TinyData.AddToAsync(_grid);
    }

    public async Task DisposeAsync()
    {
        foreach (var (agent, data) in _nodes)
        {
            Lose((agent, data));
            await agent.WaitForExitAsync();
            agent.Dispose();
            Directory.Delete(data, recursive: true);
        }
        await _grid.DisposeAsync();
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Job_WhoseNodesLinkIsCutForLongerThanALease_IsFencedAndGoesOnWithTheSameBytes()
    {
        await using var link = new LinkRelay(_port, delay: TimeSpan.FromMilliseconds(20));
        await StartNodeAsync("far", link.Port);
        var whole = new JobEvents(_grid, await _grid.SubmitAsync(TinyData.Job("team/whole", OutlivesALease)));
        await whole.SucceededAsync();
        var events = new JobEvents(_grid, await _grid.SubmitAsync(TinyData.Job("team/cut-off", OutlivesALease)));
        await events.StepAsync(30);

        link.Cut();
        await events.UntilAsync(e => e.Status == "queued" && events.Seen.Any(p => p.Type == "placement"), "the loss of the node");
        link.Restore();

        await events.SucceededAsync();
        Assert.Equal(await _grid.OnlyVersionAsync("team/whole"), await _grid.OnlyVersionAsync("team/cut-off"));
        Assert.DoesNotContain(events.Seen.SkipWhile(e => !IsLaterPlacement(e)), e => e.Type == "checkpoint" && e.Text("attempt") == "1");
        Assert.Contains(events.Seen, IsLaterPlacement);
    }

    [Fact]
    public async Task Job_WhoseNodeIsToldToGo_LosesNoStepAndGoesOnElsewhere()
    {
        await StartNodeAsync("spot", _port);
        var whole = new JobEvents(_grid, await _grid.SubmitAsync(TinyData.Job("team/whole", OutlastsAStop)));
        await whole.SucceededAsync();
        var steady = await PrepareNodeAsync("steady");
        var events = new JobEvents(_grid, await _grid.SubmitAsync(TinyData.Job("team/spot", OutlastsAStop)));
        await events.StepAsync(30);
        StartNode("steady", steady, _port);

        var told = Stopwatch.GetTimestamp();
        ProcessTable.Signal(_nodes[0].Agent.Id, ProcessTable.SigTerm);
        await _nodes[0].Agent.WaitForExitAsync().WaitAsync(Warning);
        Assert.Empty(ProcessTable.Of(_nodes[0].Data));
        Assert.InRange(Stopwatch.GetElapsedTime(told), TimeSpan.Zero, Warning);

        await events.SucceededAsync();
        Assert.Equal(await _grid.OnlyVersionAsync("team/whole"), await _grid.OnlyVersionAsync("team/spot"));
        Assert.Equal(["spot", "steady"], events.Seen.Where(e => e.Type == "placement").Select(e => e.Text("node")));
        // Where it left, it had committed what it had done: no step was made twice.
        Assert.Equal(StepsOfAStop, StepsTold(events).Count);
        Assert.Equal(StepsOfAStop, StepsTold(events).Distinct().Count());
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Gang_OneOfWhoseNodesIsGone_GoesOnAloneWithTheSameBytes()
    {
        await StartNodeAsync("stays", _port);
        var whole = new JobEvents(_grid, await _grid.SubmitAsync(TinyData.Job("team/whole", OutlivesALease)));
        await whole.SucceededAsync();
        await StartNodeAsync("goes", _port);
        await Eventually.Answered(async () => await NodesAsync() is { Length: 2 } both ? both : null, "the second node", () => _grid.Log);
        var events = new JobEvents(_grid, await _grid.SubmitAsync(TinyData.Job("team/shrunk", Elastic)));
        await events.StepAsync(30);

        Lose(_nodes[1]);
        await events.UntilAsync(e => IsLaterPlacement(e) && e.Text("workers") == "1", "its going on alone");
        await events.SucceededAsync();

        Assert.Equal("2", events.Seen.First(e => e.Type == "placement").Text("workers"));
        Assert.Equal(await _grid.OnlyVersionAsync("team/whole"), await _grid.OnlyVersionAsync("team/shrunk"));
    }

    private async Task<JsonElement[]> NodesAsync() =>
        [.. (await _grid.GetAsync("/api/v1/nodes")).Ok().Json.GetProperty("data").EnumerateArray()];

    /// <summary>A machine that is lost: its agent and its trainers at once, without a word.</summary>
    private static void Lose((Process Agent, string Data) node)
    {
        ProcessTable.Signal(node.Agent.Id, ProcessTable.SigKill);
        foreach (var left in ProcessTable.Of(node.Data)) ProcessTable.Signal(left.Pid, ProcessTable.SigKill);
    }

    private static void Elastic(JsonObject job)
    {
        OutlivesALease(job);
        job["resources"] = new JsonObject { ["workers"] = 2, ["min_workers"] = 1 };
    }

    /// <summary>Long enough that its trainer, which steps on while its lease lasts, cannot end it cut off.</summary>
    private static void OutlivesALease(JsonObject job) => job["optimizer"]!["max_steps"] = 2000;

    /// <summary>Long enough that it still runs when its node has been told to go.</summary>
    private static void OutlastsAStop(JsonObject job) => job["optimizer"]!["max_steps"] = StepsOfAStop;

    private static List<int> StepsTold(JobEvents events) =>
        [.. events.Seen.Where(e => e.Type == "metrics").SelectMany(e => e.Data.GetProperty("steps").EnumerateArray()).Select(s => s.GetProperty("step").GetInt32())];

    private static bool IsLaterPlacement(JobNews news) => news.Type == "placement" && news.Text("attempt") is { } attempt && attempt != "1";

    private async Task StartNodeAsync(string name, int port) => StartNode(name, await PrepareNodeAsync(name), port);

    /// <summary>A data folder with the node's token in it.</summary>
    private async Task<string> PrepareNodeAsync(string name)
    {
        var data = Directory.CreateTempSubdirectory("ftg-e2e-node-").FullName;
        var (code, text) = await HostProgram.EndedAsync("--issue-token", name, "--data", _grid.Data);
        Assert.Equal(0, code);
        await File.WriteAllTextAsync(TokenIn(data), text);
        return data;
    }

    private void StartNode(string name, string data, int port)
    {
        // The nodes share the grid's folder of blobs, as machines do that mount one.
        var storage = new Dictionary<string, string> { ["FTG__Storage__Folder"] = _grid.Data };
        string[] arguments = ["--roles", "node", "--data", data, "--cluster", $"127.0.0.1:{Text(port)}", "--node-name", name, "--token-file", TokenIn(data), "--threads", "1"];
        _nodes.Add((HostProgram.Start(arguments, _lines.Enqueue, storage), data));
    }

    private static string TokenIn(string data) => Path.Combine(data, "token");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
