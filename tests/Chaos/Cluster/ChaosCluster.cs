using System.Net.Http.Headers;
using FineTuneGrid.EndToEnd;
using FineTuneGrid.Silo;

namespace FineTuneGrid.Chaos;

/// <summary>
/// A cluster of real processes on one machine: blob storage behind a gate, Redis where there are several silos, control
/// processes and node agents, each supervised.
/// </summary>
internal sealed class ChaosCluster : IAsyncDisposable
{
    // The storage emulator's published development account, not a secret.
    private const string Account = "devstoreaccount1";
    private const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    private const int DiskMegabytes = 64;

    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(3);

    private readonly string _root;
    private readonly int _storePort = FreePort.Take();
    private readonly int _redisPort = FreePort.Take();

    private ChaosCluster(string root, ClusterShape shape)
    {
        (_root, Shape) = (root, shape);
        Gate = new StoreGate(_storePort);
    }

    public ClusterShape Shape { get; }

    /// <summary>All requests to the storage go through it.</summary>
    public StoreGate Gate { get; }

    public Supervised Store { get; private set; } = null!;

    /// <summary>Null with one silo.</summary>
    public Supervised? Redis { get; private set; }

    public IReadOnlyList<ControlPart> Controls { get; private set; } = [];

    public IReadOnlyList<Supervised> Agents { get; private set; } = [];

    /// <summary>From each node to the silo; none with several silos.</summary>
    public IReadOnlyList<LinkRelay> Links { get; private set; } = [];

    /// <summary>None where the shape has no small disks.</summary>
    public IReadOnlyList<SmallDisk> NodeDisks { get; private set; } = [];

    public IReadOnlyList<SmallDisk> ControlDisks { get; private set; } = [];

    /// <summary>One of each gateway.</summary>
    public IReadOnlyList<HttpClient> Gateways { get; private set; } = [];

    public int Nodes => Shape.Nodes;

    public IEnumerable<Supervised> Parts => Agents.Concat(Controls.Select(c => c.Process)).Concat(new[] { Redis, Store }.OfType<Supervised>());

    private Dictionary<string, string> Environment
    {
        get
        {
            var environment = new Dictionary<string, string>
            {
                ["FTG__Storage__AzureBlob"] = $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={Key};BlobEndpoint=http://127.0.0.1:{Gate.Port}/{Account};",
                ["FTG__Storage__Container"] = "chaos",
            };
            if (Shape.Silos > 1)
            {
                environment["FTG__Clustering__Redis"] = $"127.0.0.1:{_redisPort}";
                environment["FTG__Clustering__ClusterId"] = "chaos";
            }
            return environment;
        }
    }

    /// <param name="azurite">The script of the storage emulator.</param>
    public static async Task<ChaosCluster> StartAsync(string root, ClusterShape shape, string azurite)
    {
        var cluster = new ChaosCluster(root, shape);
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

    /// <summary>Where a node has all that it keeps.</summary>
    public string NodeData(int node) => Path.Combine(_root, $"node-{node}");

    private string ControlData(int silo) => Path.Combine(_root, $"control-{silo}");

    public IReadOnlyList<GridPart> Trainers(int node) => [.. ProcessTable.Of(NodeData(node)).Where(p => p.Part == Part.Trainer)];

    public void KillTrainers(int node)
    {
        foreach (var trainer in Trainers(node)) ProcessTable.Signal(trainer.Pid, ProcessTable.SigKill);
    }

    public void KillNode(int node)
    {
        Agents[node].Signal(ProcessTable.SigKill);
        KillTrainers(node);
    }

    /// <summary>
    /// To its clients a crash: all that is under way gets no answer, and nobody answers until it is back. The emulator itself
    /// ends in peace, since it keeps its index in memory and saves it at its end, which real blob storage never needs.
    /// </summary>
    public void CrashStore()
    {
        Gate.Cut();
        Store.Signal(ProcessTable.SigTerm);
        Gate.Cut();
    }

    /// <summary>All at once.</summary>
    public void KillEverything()
    {
        foreach (var control in Controls) control.Process.Signal(ProcessTable.SigKill);
        Redis?.Signal(ProcessTable.SigKill);
        for (var node = 0; node < Nodes; node++) KillNode(node);
        CrashStore();
    }

    /// <summary>The silo that holds the job's grain.</summary>
    public ControlPart OwnerOf(string job) => Controls.MaxBy(c => c.LastOf(job))!;

    /// <summary>Processes that are there beside those that should be; none where all is well.</summary>
    public IReadOnlyList<string> Strays()
    {
        var known = Controls.Select(c => c.Process.Pid).Concat(Agents.Select(a => a.Pid)).ToHashSet();
        var spare = Enumerable.Range(0, Nodes).SelectMany(n => Trainers(n).Skip(1)).Select(t => t.Pid).ToHashSet();
        return [.. ProcessTable.Of(_root).Where(p => p.Part == Part.Trainer ? spare.Contains(p.Pid) : !known.Contains(p.Pid)).Select(p => p.ToString())];
    }

    /// <summary>An orderly stop; what it leaves running.</summary>
    public async Task<IReadOnlyList<string>> StopAsync()
    {
        await Task.WhenAll(Agents.Select(a => a.StopAsync()));
        await Task.WhenAll(Controls.Select(c => c.Process.StopAsync()));
        if (Redis is not null) await Redis.StopAsync();
        await Store.StopAsync();
        return [.. ProcessTable.Of(_root).Select(p => p.ToString())];
    }

    /// <summary>After the stop.</summary>
    public void RemoveFiles()
    {
        Unmount();
        Directory.Delete(_root, recursive: true);
    }

    public string LastLines() => string.Join('\n', Parts.Select(p => p.LastLines));

    public async ValueTask DisposeAsync()
    {
        foreach (var gateway in Gateways) gateway.Dispose();
        await Task.WhenAll(Parts.Select(p => p.KillAsync()));
        foreach (var left in ProcessTable.Of(_root)) ProcessTable.Signal(left.Pid, ProcessTable.SigKill);
        foreach (var link in Links) await link.DisposeAsync();
        Unmount();
        await Gate.DisposeAsync();
    }

    private async Task StartAllAsync(string azurite)
    {
        Store = new Supervised("store", line => ClusterPrograms.Store(azurite, Path.Combine(_root, "store"), _storePort, line));
        await AnswersAsync(_storePort, "the store");
        if (Shape.Silos > 1)
        {
            Redis = new Supervised("redis", line => ClusterPrograms.Redis(Path.Combine(_root, "redis"), _redisPort, line));
            await AnswersAsync(_redisPort, "Redis");
        }
        if (Shape.SmallDisks)
        {
            ControlDisks = [.. Enumerable.Range(0, Shape.Silos).Select(i => Mount(ControlData(i)))];
            NodeDisks = [.. Enumerable.Range(0, Nodes).Select(i => Mount(NodeData(i)))];
        }
        for (var i = 0; i < Shape.Silos; i++) await AddControlAsync(i);
        if (Shape.HasLinks) Links = [.. Enumerable.Range(0, Nodes).Select(_ => new LinkRelay(Controls[0].ClusterPort))];
        for (var i = 0; i < Nodes; i++) await WriteTokenAsync(i);
        Agents = [.. Enumerable.Range(0, Nodes).Select(i => new Supervised($"node-{i}", line => HostProgram.Start(NodeArguments(i), line, Environment)))];
    }

    private void Unmount()
    {
        foreach (var disk in NodeDisks.Concat(ControlDisks)) disk.Dispose();
        (NodeDisks, ControlDisks) = ([], []);
    }

    private static SmallDisk Mount(string path) => SmallDisk.TryMount(path, DiskMegabytes) ?? throw new InvalidOperationException($"{path} could not be mounted");

    private string[] NodeArguments(int node) =>
    [
        "--roles", "node", "--data", NodeData(node), "--node-name", $"node-{node}", "--token-file", TokenFile(node), "--threads", "1",
        .. Shape.HasLinks ? (string[])["--cluster", $"127.0.0.1:{Links[node].Port}"] : [],
    ];

    private string TokenFile(int node) => Path.Combine(NodeData(node), "token");

    private async Task WriteTokenAsync(int node)
    {
        var (code, text) = await HostProgram.EndedAsync(Environment, "--issue-token", $"node-{node}", "--data", Controls[0].Data);
        if (code != 0) throw new InvalidOperationException($"no token for node-{node}: {text}");
        Directory.CreateDirectory(NodeData(node));
        await File.WriteAllTextAsync(TokenFile(node), text);
    }

    private async Task AddControlAsync(int number)
    {
        var control = new ControlPart($"control-{number}", ControlData(number), Shape.Lease, Environment);
        Controls = [.. Controls, control];
        try
        {
            await control.Ready.WaitAsync(StartLimit);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{control.Process.Name} is not ready. {LastLines()}", e);
        }
        var key = (await File.ReadAllTextAsync(Path.Combine(control.Data, "admin.key"))).Trim();
        var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{control.Port}"), Timeout = TimeSpan.FromSeconds(10) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        Gateways = [.. Gateways, http];
    }

    /// <summary>Somebody listens.</summary>
    private async Task AnswersAsync(int port, string who)
    {
        using var limit = new CancellationTokenSource(StartLimit);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (true)
        {
            try
            {
                using var client = new System.Net.Sockets.TcpClient();
                await client.ConnectAsync(System.Net.IPAddress.Loopback, port, limit.Token);
                return;
            }
            catch (System.Net.Sockets.SocketException)
            {
                // Not yet.
            }
            catch (OperationCanceledException e)
            {
                throw new TimeoutException($"{who} does not answer. {LastLines()}", e);
            }
            await timer.WaitForNextTickAsync(limit.Token);
        }
    }
}
