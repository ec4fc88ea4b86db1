using System.Net;
using FineTuneGrid.Grains;
using FineTuneGrid.Silo;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Host;

/// <summary>Where this silo is reached: by the command line, else by the settings, else on free ports of the loopback address.</summary>
/// <param name="NodePrefix">Names the agents beside this silo; in a cluster no two silos may name theirs alike.</param>
internal sealed record SiloPlace(int SiloPort, int GatewayPort, IPAddress? Advertise, string NodePrefix)
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(15);

    /// <summary>In a cluster trainers step on while the control plane comes back as a whole.</summary>
    private static readonly TimeSpan ClusterLease = TimeSpan.FromSeconds(45);

    private const int RenewalsPerLease = 5;

    /// <summary>Where node agents connect.</summary>
    public IPEndPoint Cluster => new(Advertise ?? IPAddress.Loopback, GatewayPort);

    public static SiloPlace Of(HostOptions options, ClusterSettings cluster) => new(
        options.SiloPort ?? cluster.SiloPort ?? FreePort.Take(), options.ClusterPort ?? cluster.GatewayPort ?? FreePort.Take(), options.Advertise ?? cluster.Advertise,
        cluster.Redis is null ? "node" : options.NodeName);

    public GridSiloOptions Silo(HostOptions options, HostSettings settings, BlobAccessIssuer blobs, GridSecrets secrets)
    {
        var cluster = settings.Cluster;
        var lease = options.LeaseSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : cluster.Redis is null ? Lease : ClusterLease;
        return new GridSiloOptions
        {
            Blobs = blobs, NodeSecret = secrets.Node, SigningKey = secrets.Signing, InspectorCommand = ChildPrograms.Inspector(),
            ServiceId = cluster.ServiceId, ClusterId = cluster.ClusterId, Redis = cluster.Redis, Tls = settings.Tls?.Open(asSilo: true),
            Advertise = Advertise, SiloPort = SiloPort, GatewayPort = GatewayPort,
            Grid = new GridOptions { NodeLease = lease, NodeRenew = lease / RenewalsPerLease, Retention = settings.Retention, Licenses = settings.Licenses },
        };
    }
}
