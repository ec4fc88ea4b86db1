using System.Collections.Concurrent;
using System.Diagnostics;
using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Chaos;

/// <summary>A process that is started again whenever it ends, as an init system does it, until it is stopped.</summary>
internal sealed class Supervised
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StopLimit = TimeSpan.FromMinutes(2);

    private readonly Func<Action<string>, Process> _start;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _watch;
    private Process _process;

    public Supervised(string name, Func<Action<string>, Process> start)
    {
        (Name, _start) = (name, start);
        _process = start(Take);
        _watch = WatchAsync();
    }

    public string Name { get; }

    /// <summary>Of the process that runs now, or ran last.</summary>
    public int Pid => _process.Id;

    public int Starts { get; private set; } = 1;

    public string LastLines => $"--- {Name}\n{string.Join('\n', _output.TakeLast(40))}";

    /// <summary>Does nothing where it has just ended.</summary>
    public void Signal(int signal)
    {
        if (!_process.HasExited) ProcessTable.Signal(_process.Id, signal);
    }

    /// <summary>SIGTERM, and nothing is started again.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        Signal(ProcessTable.SigTerm);
        await _watch.WaitAsync(StopLimit);
    }

    /// <summary>Ends it at once, and nothing is started again.</summary>
    public async Task KillAsync()
    {
        await _stopping.CancelAsync();
        Signal(ProcessTable.SigKill);
        await _watch.WaitAsync(StopLimit);
    }

    private async Task WatchAsync()
    {
        while (true)
        {
            await _process.WaitForExitAsync();
            if (_stopping.IsCancellationRequested) return;
            await Task.Delay(Pause);
            if (_stopping.IsCancellationRequested) return;
            var ended = _process;
            _process = _start(Take);
            ended.Dispose();
            Starts++;
        }
    }

    private void Take(string line)
    {
        _output.Enqueue(line);
        while (_output.Count > 400 && _output.TryDequeue(out _)) { }
    }
}
