using Microsoft.AspNetCore.Connections;
using Orleans.Runtime.Messaging;

namespace Orleans.Configuration;

/// <summary>What a silo's connections pass through. One silo has no connections to others: only the gateway's are used here.</summary>
public class SiloConnectionOptions
{
    private readonly ConnectionPipeline _silos = new();

    internal ConnectionPipeline Gateway { get; } = new();

    public void ConfigureSiloOutboundConnection(Action<IConnectionBuilder> configure) => _silos.Add(configure);

    public void ConfigureSiloInboundConnection(Action<IConnectionBuilder> configure) => _silos.Add(configure);

    public void ConfigureGatewayInboundConnection(Action<IConnectionBuilder> configure) => Gateway.Add(configure);
}
