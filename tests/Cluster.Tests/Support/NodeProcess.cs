using System.Collections.Concurrent;
using System.Diagnostics;
using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Cluster;

/// <summary>A node agent with a data directory of its own, as on another machine.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromMinutes(2);

    private readonly ConcurrentQueue<string> _output = new();
    private readonly Process _agent;

    private NodeProcess(string data, string name, string tokenFile, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        Data = data;
        TokenFile = tokenFile;
        _agent = HostProgram.Start(
            ["--roles", "node", "--data", data, "--node-name", name, "--token-file", tokenFile, "--threads", "1", .. arguments], _output.Enqueue, environment);
    }

    public string Data { get; }

    public string TokenFile { get; }

    public string Log => "Last output of the agent:\n" + string.Join('\n', _output.TakeLast(40));

    /// <param name="grid">Issues the node's token.</param>
    public static async Task<NodeProcess> StartAsync(string name, GridProcess grid, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var data = Directory.CreateTempSubdirectory("ftg-cluster-node-").FullName;
        var token = Path.Combine(data, "token");
        await File.WriteAllTextAsync(token, await TokenAsync(name, grid, environment));
        return new NodeProcess(data, name, token, environment, arguments);
    }

    public static async Task<string> TokenAsync(string name, GridProcess grid, IReadOnlyDictionary<string, string> environment)
    {
        var output = new ConcurrentQueue<string>();
        using var issuer = HostProgram.Start(["--issue-token", name, "--data", grid.Data], output.Enqueue, environment);
        await issuer.WaitForExitAsync().WaitAsync(StopLimit);
        Assert.True(issuer.ExitCode == 0, string.Join('\n', output));
        return Assert.Single(output);
    }

    public int? TrainerPid => ProcessTable.Of(Data).FirstOrDefault(p => p.Part == Part.Trainer)?.Pid;

    public async ValueTask DisposeAsync()
    {
        if (!_agent.HasExited) ProcessTable.Signal(_agent.Id, ProcessTable.SigTerm);
        try
        {
            await _agent.WaitForExitAsync().WaitAsync(StopLimit);
        }
        catch (TimeoutException)
        {
            // The tests have spoken already; what is left is killed below.
        }
        foreach (var left in ProcessTable.Of(Data)) ProcessTable.Signal(left.Pid, ProcessTable.SigKill);
        await Eventually.Seen(() => ProcessTable.Of(Data).Count == 0 ? "none" : null, "the end of every process of the node", () => Log);
        _agent.Dispose();
        Directory.Delete(Data, recursive: true);
    }
}
