using System.Net;
using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace Orleans.Runtime;

/// <summary>Who this silo is.</summary>
public interface ILocalSiloDetails
{
    string Name { get; }

    string ClusterId { get; }

    string DnsHostName { get; }

    SiloAddress SiloAddress { get; }

    SiloAddress? GatewayAddress { get; }
}

internal sealed class LocalSiloDetails : ILocalSiloDetails
{
    public LocalSiloDetails(IOptions<SiloOptions> silo, IOptions<ClusterOptions> cluster, IOptions<EndpointOptions> endpoints)
    {
        Name = silo.Value.SiloName ?? $"Silo_{Guid.NewGuid().ToString("N")[..5]}";
        ClusterId = cluster.Value.ClusterId;
        var options = endpoints.Value;
        var address = options.AdvertisedIPAddress ?? IPAddress.Loopback;
        SiloAddress = SiloAddress.New(address, options.SiloPort, SiloAddress.AllocateNewGeneration());
        GatewayAddress = options.GatewayPort == 0 ? null : SiloAddress.New(address, options.GatewayPort, SiloAddress.Generation);
    }

    public string Name { get; }

    public string ClusterId { get; }

    public string DnsHostName { get; } = Environment.MachineName;

    public SiloAddress SiloAddress { get; }

    public SiloAddress? GatewayAddress { get; }

    public DateTime StartTime { get; } = DateTime.UtcNow;
}
