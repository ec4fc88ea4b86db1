using System.Collections.Concurrent;
using FineTuneGrid.EndToEnd;
using FineTuneGrid.Silo;

namespace FineTuneGrid.Chaos;

/// <summary>A silo with its gateway, supervised.</summary>
internal sealed class ControlPart
{
    private readonly ConcurrentDictionary<string, long> _told = [];
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ControlPart(string name, string data, TimeSpan lease, IReadOnlyDictionary<string, string> environment)
    {
        Data = data;
        string[] arguments =
        [
            "--roles", "silo,gateway", "--data", data, "--port", ClusterPrograms.Text(Port), "--cluster-port", ClusterPrograms.Text(ClusterPort), "--silo-port", ClusterPrograms.Text(FreePort.Take()),
            "--lease", ClusterPrograms.Text((int)lease.TotalSeconds), "--no-samples", "--node-name", name,
        ];
        Process = new Supervised(name, line => HostProgram.Start(arguments, text =>
        {
            line(text);
            Take(text);
        }, environment));
    }

    public string Data { get; }

    public int Port { get; } = FreePort.Take();

    public int ClusterPort { get; } = FreePort.Take();

    public Supervised Process { get; }

    /// <summary>Ends with its first start.</summary>
    public Task Ready => _ready.Task;

    /// <summary>When this silo last told of a decision on the job, which is the work of the one that holds its grain; 0: never.</summary>
    public DateTime LastOf(string job) => new(_told.GetValueOrDefault(job));

    private void Take(string line)
    {
        if (line.StartsWith("ready ", StringComparison.Ordinal)) _ready.TrySetResult();
        var at = line.IndexOf("] Job job-", StringComparison.Ordinal);
        if (at < 0) return;
        var id = line[(at + "] Job ".Length)..].Split(',', ':')[0];
        _told[id] = DateTime.UtcNow.Ticks;
    }
}
