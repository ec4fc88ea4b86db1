using System.Net;
using FineTuneGrid.Contracts;
using FineTuneGrid.Storage;
using FineTuneGrid.Grains;

namespace FineTuneGrid.Silo;

/// <summary>What a silo is told by its host.</summary>
public sealed record GridSiloOptions
{
    /// <summary>How child processes reach the blob store.</summary>
    public required BlobAccessIssuer Blobs { get; init; }

    /// <summary>Signs node tokens: the same on every silo of the cluster.</summary>
    public required byte[] NodeSecret { get; init; }

    /// <summary>Signs what is said of published adapters: PKCS #8 in PEM, the same on every silo of the cluster.</summary>
    public required string SigningKey { get; init; }

    public int SiloPort { get; init; } = 11111;

    /// <summary>Where node agents connect.</summary>
    public int GatewayPort { get; init; } = 30000;

    public string ServiceId { get; init; } = GridSiloExtensions.ServiceId;

    public string ClusterId { get; init; } = GridSiloExtensions.ServiceId;

    /// <summary>Redis for the cluster's membership; null for one silo on this machine.</summary>
    public string? Redis { get; init; }

    /// <summary>Mutual TLS on both ports; null leaves them open to the network that they listen on.</summary>
    public ClusterTls? Tls { get; init; }

    /// <summary>This silo's address for the others of its cluster; and for node agents of other machines; null stays on the loopback address.</summary>
    public IPAddress? Advertise { get; init; }

    /// <summary>The inspector's program and its first arguments.</summary>
    public required IReadOnlyList<string> InspectorCommand { get; init; }

    public GridOptions Grid { get; init; } = new();

    /// <summary>Twice what the others need to find a silo dead, so that a trainer outlives the silo that leads it.</summary>
    public static readonly TimeSpan ShortestClusterLease = TimeSpan.FromSeconds(30);

    /// <exception cref="GridException">invalid_value, naming the key at fault.</exception>
    public void Validate()
    {
        Port(SiloPort, "silo-port");
        Port(GatewayPort, "gateway-port");
        if (SiloPort == GatewayPort)
            throw Bad("gateway-port", $"must differ from silo-port ({SiloPort})");
        Positive(Grid.NodeLease, "node_lease");
        if (Redis is not null && Grid.NodeLease < ShortestClusterLease)
            throw Bad("node_lease", $"must be at least {ShortestClusterLease.TotalSeconds} s in a cluster: so long it may take until a dead silo's grains are elsewhere");
        Positive(Grid.NodeRenew, "node_renew");
        Positive(Grid.PoolTick, "pool_tick");
        Positive(Grid.WakeEvery, "wake_every");
        Positive(Grid.EffectRetry, "effect_retry");
        Positive(Grid.StopPatience, "stop_patience");
        if (Grid.NodeRenew * 3 > Grid.NodeLease)
            throw Bad("node_renew", $"must be at most a third of node_lease ({Grid.NodeLease.TotalSeconds} s)");
        if (Grid.WakeConcurrency < 1)
            throw Bad("wake_concurrency", "must be at least 1");
    }

    private static void Port(int port, string key)
    {
        if (port is < 1 or > 65535)
            throw Bad(key, $"must be a port from 1 to 65535, not {port}");
    }

    private static void Positive(TimeSpan time, string key)
    {
        if (time <= TimeSpan.Zero)
            throw Bad(key, "must be above zero");
    }

    private static GridException Bad(string key, string what) => new(ErrorCodes.InvalidValue, $"The setting {key} {what}.", key);
}
