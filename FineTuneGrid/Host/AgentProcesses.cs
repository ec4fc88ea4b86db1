using System.Diagnostics;
using System.Globalization;
using System.Net;
using FineTuneGrid.Silo;
using Microsoft.Extensions.Logging;

namespace FineTuneGrid.Host;

/// <summary>
/// The node agents that run beside a silo on one machine: processes of their own, so that one machine has the seams of a cluster.
/// One that dies is started again and adopts its trainers.
/// </summary>
internal sealed partial class AgentProcesses(TimeProvider time, ILogger<AgentProcesses> logger)
{
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromDays(365);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(75);

    private readonly CancellationTokenSource _stopping = new();
    private readonly List<Task> _watched = [];

    public void Start(HostOptions options, string nodes, IPEndPoint cluster, NodeTokens tokens)
    {
        for (var i = 1; i <= options.Nodes; i++)
        {
            var name = $"{nodes}-{i}";
            var folder = Path.Combine(options.Data, "nodes", name);
            Directory.CreateDirectory(folder);
            var tokenFile = Path.Combine(folder, "token");
            File.Delete(tokenFile);
            SecretFile.Create(tokenFile, tokens.Issue(name, time.GetUtcNow() + TokenLifetime));
            var threads = options.Threads ?? Math.Max(1, Environment.ProcessorCount / options.Nodes);
            string[] arguments =
            [
                "--roles", "node", "--child", "--data", options.Data, "--cluster", cluster.ToString(), "--node-name", name, "--token-file", tokenFile,
                "--device", options.Device, "--slots", options.Slots.ToString(CultureInfo.InvariantCulture), "--threads", threads.ToString(CultureInfo.InvariantCulture),
                "--log-format", options.LogsAsJson ? "json" : "text",
                .. options.TrainerAddress is { } address ? (string[])["--trainer-address", address] : [],
            ];
            _watched.Add(WatchAsync(name, arguments));
        }
    }

    /// <summary>Lets the agents checkpoint their trainers and end.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_watched);
    }

    private async Task WatchAsync(string name, string[] arguments)
    {
        while (!_stopping.IsCancellationRequested)
        {
            using var agent = Launch(arguments);
            LogStarted(name, agent.Id);
            using (_stopping.Token.Register(() => Terminate(agent)))
            {
                await agent.WaitForExitAsync();
            }
            if (_stopping.IsCancellationRequested) return;
            LogDied(name, agent.ExitCode);
            await Task.Delay(Pause, time, _stopping.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    private static Process Launch(string[] arguments)
    {
        var self = ChildPrograms.Self();
        var start = new ProcessStartInfo(self[0]) { UseShellExecute = false, RedirectStandardInput = true };
        foreach (var argument in (string[])[.. self.Skip(1), .. arguments]) start.ArgumentList.Add(argument);
        return Process.Start(start) ?? throw new InvalidOperationException("the node agent was not started");
    }

    private void Terminate(Process agent)
    {
        // A line is the order to stop in peace; a closed pipe without one means that this process was killed.
        try
        {
            agent.StandardInput.WriteLine("stop");
            agent.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It has gone already.
        }
        _ = KillLateAsync(agent);
    }

    private async Task KillLateAsync(Process agent)
    {
        await Task.Delay(StopLimit, time);
        try
        {
            agent.Kill();
        }
        catch (InvalidOperationException)
        {
            // It ended in time.
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Node agent {Name} runs as process {Pid}")]
    private partial void LogStarted(string name, int pid);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Node agent {Name} ended with {ExitCode}; starting it again")]
    private partial void LogDied(string name, int exitCode);
}
