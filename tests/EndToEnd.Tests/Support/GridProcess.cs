using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;

namespace FineTuneGrid.EndToEnd;

/// <summary>A real grid: a host process on a data directory, with its agent and its trainers. Disposal leaves no process and no file.</summary>
internal sealed class GridProcess : IAsyncDisposable
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromMinutes(2);

    private readonly ConcurrentQueue<string> _output = new();
    private Process? _host;

    private readonly IReadOnlyList<string> _arguments;
    private readonly IReadOnlyDictionary<string, string>? _environment;

    private GridProcess(string data, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment) =>
        (Data, _arguments, _environment) = (data, arguments, environment);

    public string Data { get; }

    public HttpClient Http { get; private set; } = null!;

    public string Address => Http.BaseAddress!.ToString().TrimEnd('/');

    /// <summary>All that the hosts and agents said.</summary>
    public IEnumerable<string> Lines => _output;

    /// <summary>The last lines of the hosts and agents so far, for failures.</summary>
    public string Log => "Last output of the grid:\n" + string.Join('\n', _output.TakeLast(60));

    public static string NewDataDirectory() => Directory.CreateTempSubdirectory("ftg-e2e-").FullName;

    /// <param name="arguments">Of the host, besides those of every test; the last of a kind counts.</param>
    public static async Task<GridProcess> StartAsync(IReadOnlyList<string>? arguments = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        var grid = new GridProcess(NewDataDirectory(), arguments ?? [], environment);
        await grid.LaunchAsync();
        return grid;
    }

    /// <summary>A grid on a data directory that is there already; disposal removes it.</summary>
    public static async Task<GridProcess> StartOnAsync(string data)
    {
        var grid = new GridProcess(data, [], null);
        await grid.LaunchAsync();
        return grid;
    }

    /// <summary>A host on this data directory; the ports are new each time.</summary>
    public async Task LaunchAsync()
    {
        var ready = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        _host = HostProgram.Start(
            ["--data", Data, "--port", "0", "--threads", "1", "--lease", "6", "--no-samples", .. _arguments],
            line =>
            {
                _output.Enqueue(line);
                if (line.StartsWith("ready ", StringComparison.Ordinal)) ready.TrySetResult(line["ready ".Length..]);
            }, _environment);
        var host = _host;
        _ = host.WaitForExitAsync().ContinueWith(_ => ready.TrySetException(new InvalidOperationException($"the host ended before it was ready. {Log}")), TaskScheduler.Default);
        var address = await Eventually.Within(ready.Task, "the host's line 'ready http://...'", () => Log);
        Http?.Dispose();
        Http = new HttpClient { BaseAddress = new Uri(address), Timeout = Timeout.InfiniteTimeSpan };
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(Path.Combine(Data, "admin.key"))).Trim());
    }

    public IReadOnlyList<GridPart> Processes() => ProcessTable.Of(Data);

    /// <summary>Waits for a process of this part and gives its id.</summary>
    public async Task<int> PidAsync(Part part) =>
        (await Eventually.Seen(() => Processes().FirstOrDefault(p => p.Part == part), $"a process that is the {part}", () => Log)).Pid;

    public async Task KillAsync(Part part) => ProcessTable.Signal(await PidAsync(part), ProcessTable.SigKill);

    public void KillEverything()
    {
        foreach (var process in Processes()) ProcessTable.Signal(process.Pid, ProcessTable.SigKill);
    }

    /// <summary>After the host was killed: waits for its end, which closes the port and frees the data directory.</summary>
    public async Task HostEndedAsync()
    {
        await _host!.WaitForExitAsync().WaitAsync(StopLimit);
        _host.Dispose();
        _host = null;
    }

    /// <summary>SIGTERM, as an init system sends it; no process may stay behind.</summary>
    public Task<int> StopAsync()
    {
        ProcessTable.Signal(_host!.Id, ProcessTable.SigTerm);
        return EndedAsync();
    }

    /// <summary>As a terminal or an init system ends all processes of a session at once. Trainers have sessions of their own.</summary>
    public Task<int> StopAllAsync()
    {
        foreach (var process in Processes().Where(p => p.Part != Part.Trainer)) ProcessTable.Signal(process.Pid, ProcessTable.SigTerm);
        return EndedAsync();
    }

    private async Task<int> EndedAsync()
    {
        await _host!.WaitForExitAsync().WaitAsync(StopLimit);
        var code = _host.ExitCode;
        _host.Dispose();
        _host = null;
        await NothingRunsAsync();
        return code;
    }

    public Task NothingRunsAsync() => Eventually.Seen(
        () => Processes().Count == 0 ? "none" : null, "the end of every process on the data directory", () => $"{string.Join(", ", Processes())} {Log}");

    public async ValueTask DisposeAsync()
    {
        if (_host is { HasExited: false }) ProcessTable.Signal(_host.Id, ProcessTable.SigTerm);
        try
        {
            if (_host is not null) await _host.WaitForExitAsync().WaitAsync(StopLimit);
        }
        catch (TimeoutException)
        {
            // The tests have spoken already; what is left is killed below.
        }
        KillEverything();
        await NothingRunsAsync();
        _host?.Dispose();
        Http?.Dispose();
        Directory.Delete(Data, recursive: true);
    }
}
