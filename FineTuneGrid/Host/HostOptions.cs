using System.Globalization;
using System.Net;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Host;

/// <summary>The command line of a host, checked.</summary>
public sealed record HostOptions
{
    public const string Usage = """
        usage: FineTuneGrid.Host --roles silo,gateway,node --data DIR [options]

          --roles LIST          silo,gateway (together), node, or all three; default: all three
          --data DIR            data directory
          --port N              port of the gateway; 0 takes a free one; default 5080
          --bind ADDRESS        address of the gateway; default 127.0.0.1
          --insecure-bind       allow an address that other machines reach, without TLS
          --nodes N             node agents to start beside silo and gateway; default 1
          --silo-port N, --cluster-port N   ports of the cluster; default: free ones
          --advertise HOST      let node agents of other machines connect to this address, or the name's; needs a trusted network
          --samples DIR         samples that a new data directory comes with; --no-samples leaves them out
          --import-root DIR     allow import of server-side files below DIR (repeatable)
          --lease SECONDS       lease of nodes and trainers; default 15, with FTG__Clustering__Redis 45
          --log-format text|json   what is logged, for people or one JSON object a line; default text

          with --roles node alone:
          --cluster LIST        cluster ports of silos, ADDRESS:PORT,ADDRESS:PORT; not needed with FTG__Clustering__Redis
          --node-name NAME      the node's id; default: the machine's name
          --token-file FILE     the node's token
          --device cpu|cuda, --slots N, --threads N
          --trainer-address HOST  where trainers on other machines reach this one's, for jobs with workers on both;
                                default: this machine's address on the way to the silo; needs a trusted network

        usage: FineTuneGrid.Host --issue-token NODE --data DIR

          prints a token for a node agent of that name, good for a year
        """;

    private static readonly string[] Known = ["silo", "gateway", "node"];

    public IReadOnlyList<string> Roles { get; init; } = Known;

    public string Data { get; init; } = "data";

    public int Port { get; init; } = 5080;

    public IPAddress Bind { get; init; } = IPAddress.Loopback;

    public bool InsecureBind { get; init; }

    public int Nodes { get; init; } = 1;

    public int? SiloPort { get; init; }

    public int? ClusterPort { get; init; }

    /// <summary>Where node agents of other machines reach the silo; null keeps it on the loopback address.</summary>
    public IPAddress? Advertise { get; init; }

    /// <summary>Print a token for this node, and nothing else.</summary>
    public string? IssueToken { get; init; }

    public string? Samples { get; init; }

    public bool NoSamples { get; init; }

    public IReadOnlyList<string> ImportRoots { get; init; } = [];

    /// <summary>Null for the default, which is longer in a cluster.</summary>
    public double? LeaseSeconds { get; init; }

    /// <summary>One JSON object a line, with every named value apart.</summary>
    public bool LogsAsJson { get; init; }

    /// <summary>Cluster ports of silos; empty where the agent finds them in Redis.</summary>
    public IReadOnlyList<IPEndPoint> Cluster { get; init; } = [];

    public string NodeName { get; init; } = Environment.MachineName.ToLowerInvariant();

    public string? TokenFile { get; init; }

    /// <summary>Where trainers of other machines reach this one's; null takes the address on the way to the silo.</summary>
    public string? TrainerAddress { get; init; }

    public string Device { get; init; } = "cpu";

    public int Slots { get; init; } = 1;

    public int? Threads { get; init; }

    /// <summary>Set for agents that a host started itself: they end when their standard input does.</summary>
    public bool Child { get; init; }

    public bool IsControl => Roles.Contains("silo");

    /// <exception cref="GridException">Names the argument at fault.</exception>
    public static HostOptions Parse(IReadOnlyList<string> args)
    {
        var options = new HostOptions();
        for (var i = 0; i < args.Count; i++)
        {
            var name = args[i];
            string Value() => ++i < args.Count ? args[i] : throw Bad(name, "needs a value");
            options = name switch
            {
                "--roles" => options with { Roles = ParseRoles(Value()) },
                "--data" => options with { Data = Value() },
                "--port" => options with { Port = Number(name, Value(), 0, 65535) },
                "--bind" => options with { Bind = IPAddress.TryParse(Value(), out var bind) ? bind : throw Bad(name, "must be an IP address") },
                "--insecure-bind" => options with { InsecureBind = true },
                "--nodes" => options with { Nodes = Number(name, Value(), 0, 64) },
                "--silo-port" => options with { SiloPort = Number(name, Value(), 1, 65535) },
                "--cluster-port" => options with { ClusterPort = Number(name, Value(), 1, 65535) },
                "--advertise" => options with { Advertise = HostAddress.Find(Value()) ?? throw Bad(name, "must be an IP address or a name that has one") },
                "--issue-token" => options with { IssueToken = Names.Check(Value(), name) },
                "--samples" => options with { Samples = Value() },
                "--no-samples" => options with { NoSamples = true },
                "--import-root" => options with { ImportRoots = [.. options.ImportRoots, Value()] },
                "--lease" => options with { LeaseSeconds = Number(name, Value(), 3, 3600) },
                "--log-format" => options with { LogsAsJson = Value() is "text" or "json" ? args[i] == "json" : throw Bad(name, "must be text or json") },
                "--cluster" => options with { Cluster = [.. options.Cluster, .. ParseCluster(Value())] },
                "--node-name" => options with { NodeName = Names.Check(Value(), name) },
                "--token-file" => options with { TokenFile = Value() },
                "--trainer-address" => options with { TrainerAddress = Value() is { } host && Uri.CheckHostName(host) != UriHostNameType.Unknown ? host : throw Bad(name, "must be a host name or an address") },
                "--device" => options with { Device = Value() is "cpu" or "cuda" ? args[i] : throw Bad(name, "must be cpu or cuda") },
                "--slots" => options with { Slots = Number(name, Value(), 1, 64) },
                "--threads" => options with { Threads = Number(name, Value(), 1, 1024) },
                "--child" => options with { Child = true },
                _ => throw Bad(name, "is not a known argument"),
            };
        }
        return options.Checked();
    }

    private HostOptions Checked()
    {
        if (!IPAddress.IsLoopback(Bind) && !InsecureBind)
            throw Bad("--bind", $"{Bind} can be reached from other machines without TLS; put a TLS proxy in front, or say --insecure-bind");
        if (IssueToken is not null) return this with { Data = Path.GetFullPath(Data) };
        if (!IsControl && TokenFile is null) throw Bad("--token-file", "is needed where the role is node alone");
        return this with { Data = Path.GetFullPath(Data) };
    }

    private static string[] ParseRoles(string text)
    {
        var roles = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (roles.Length == 0 || roles.Except(Known).FirstOrDefault() is not null) throw Bad("--roles", $"must be some of {string.Join(",", Known)}");
        if (roles.Contains("silo") != roles.Contains("gateway")) throw Bad("--roles", "silo and gateway go together");
        return roles;
    }

    private static List<IPEndPoint> ParseCluster(string text) =>
        [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(part => IPEndPoint.TryParse(part, out var silo) && silo.Port > 0 ? silo : throw Bad("--cluster", $"must be ADDRESS:PORT of silos, separated by commas, not '{part}'"))];

    private static int Number(string name, string text, int low, int high) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n >= low && n <= high
            ? n : throw Bad(name, $"must be a whole number from {low} to {high}, not '{text}'");

    private static GridException Bad(string name, string what) => new(ErrorCodes.InvalidValue, $"{name} {what}.", name);
}
