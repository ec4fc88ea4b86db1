using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using FineTuneGrid.EndToEnd;
using FineTuneGrid.Silo;

namespace FineTuneGrid.Chaos;

/// <summary>A cluster of real processes on one machine: blob storage, a control process and node agents, each supervised.</summary>
internal sealed class ChaosCluster : IAsyncDisposable
{
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(6);

    // The storage emulator's published development account, not a secret.
    private const string Account = "devstoreaccount1";
    private const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(3);

    private readonly string _root;
    private readonly int _nodes;
    private readonly int _storePort = FreePort.Take();
    private readonly int _port = FreePort.Take();
    private readonly int _clusterPort = FreePort.Take();
    private readonly int _siloPort = FreePort.Take();

    private ChaosCluster(string root, int nodes) => (_root, _nodes) = (root, nodes);

    public Supervised Store { get; private set; } = null!;

    public Supervised Control { get; private set; } = null!;

    public IReadOnlyList<Supervised> Agents { get; private set; } = [];

    public HttpClient Http { get; private set; } = null!;

    public int Nodes => _nodes;

    private string ControlData => Path.Combine(_root, "control");

    private Dictionary<string, string> Environment => new()
    {
        ["FTG__Storage__AzureBlob"] = $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={Key};BlobEndpoint=http://127.0.0.1:{_storePort}/{Account};",
        ["FTG__Storage__Container"] = "chaos",
    };

    /// <param name="azurite">The script of the storage emulator.</param>
    public static async Task<ChaosCluster> StartAsync(string root, int nodes, string azurite)
    {
        var cluster = new ChaosCluster(root, nodes);
        try
        {
            await cluster.StartAllAsync(azurite);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public IReadOnlyList<GridPart> Trainers(int node) => [.. ProcessTable.Of(NodeData(node)).Where(p => p.Part == Part.Trainer)];

    public void KillNode(int node)
    {
        Agents[node].Signal(ProcessTable.SigKill);
        foreach (var trainer in Trainers(node)) ProcessTable.Signal(trainer.Pid, ProcessTable.SigKill);
    }

    /// <summary>An orderly stop; what it leaves running.</summary>
    public async Task<IReadOnlyList<string>> StopAsync()
    {
        await Task.WhenAll(Agents.Select(a => a.StopAsync()));
        await Control.StopAsync();
        await Store.StopAsync();
        return [.. ProcessTable.Of(_root).Select(p => p.ToString())];
    }

    public string LastLines() => string.Join('\n', Agents.Append(Control).Append(Store).OfType<Supervised>().Select(p => p.LastLines));

    public async ValueTask DisposeAsync()
    {
        Http?.Dispose();
        await Task.WhenAll(Agents.Append(Control).Append(Store).OfType<Supervised>().Select(p => p.KillAsync()));
        foreach (var left in ProcessTable.Of(_root)) ProcessTable.Signal(left.Pid, ProcessTable.SigKill);
    }

    private async Task StartAllAsync(string azurite)
    {
        Store = new Supervised("store", StartStore(azurite));
        await StoreAnswersAsync();
        await StartControlAsync();
        var key = (await File.ReadAllTextAsync(Path.Combine(ControlData, "admin.key"))).Trim();
        Http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{_port}"), Timeout = TimeSpan.FromSeconds(10) };
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        for (var i = 0; i < _nodes; i++) await WriteTokenAsync(i);
        Agents = [.. Enumerable.Range(0, _nodes).Select(i => new Supervised($"node-{i}", line => HostProgram.Start(NodeArguments(i), line, Environment)))];
    }

    private string NodeData(int node) => Path.Combine(_root, $"node-{node}");

    private string TokenFile(int node) => Path.Combine(NodeData(node), "token");

    private Func<Action<string>, Process> StartStore(string azurite) => line =>
    {
        var data = Directory.CreateDirectory(Path.Combine(_root, "store")).FullName;
        var start = new ProcessStartInfo("node") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = data };
        string[] arguments =
        [
            azurite, "--blobPort", Text(_storePort), "--location", data, "--skipApiVersionCheck", "--disableTelemetry", "--disableProductStyleUrl", "--silent",
        ];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, e) => line(e.Data ?? "");
        process.ErrorDataReceived += (_, e) => line(e.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    };

    private string[] ControlArguments() =>
    [
        "--roles", "silo,gateway", "--data", ControlData, "--port", Text(_port), "--cluster-port", Text(_clusterPort), "--silo-port", Text(_siloPort),
        "--lease", Text((int)Lease.TotalSeconds), "--no-samples",
    ];

    private string[] NodeArguments(int node) =>
    [
        "--roles", "node", "--data", NodeData(node), "--cluster", $"127.0.0.1:{_clusterPort}", "--node-name", $"node-{node}", "--token-file", TokenFile(node), "--threads", "1",
    ];

    private async Task WriteTokenAsync(int node)
    {
        var (code, text) = await HostProgram.EndedAsync("--issue-token", $"node-{node}", "--data", ControlData);
        if (code != 0) throw new InvalidOperationException($"no token for node-{node}: {text}");
        Directory.CreateDirectory(NodeData(node));
        await File.WriteAllTextAsync(TokenFile(node), text);
    }

    private async Task StartControlAsync()
    {
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Control = new Supervised("control", line => HostProgram.Start(ControlArguments(), text =>
        {
            line(text);
            if (text.StartsWith("ready ", StringComparison.Ordinal)) ready.TrySetResult();
        }, Environment));
        try
        {
            await ready.Task.WaitAsync(StartLimit);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"the control process is not ready. {LastLines()}", e);
        }
    }

    private async Task StoreAnswersAsync()
    {
        using var http = new HttpClient();
        using var limit = new CancellationTokenSource(StartLimit);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (true)
        {
            try
            {
                using var answer = await http.GetAsync(new Uri($"http://127.0.0.1:{_storePort}/"), limit.Token);
                return;
            }
            catch (HttpRequestException)
            {
                // Not yet.
            }
            catch (OperationCanceledException e)
            {
                throw new TimeoutException($"the store does not answer. {LastLines()}", e);
            }
            await timer.WaitForNextTickAsync(limit.Token);
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
