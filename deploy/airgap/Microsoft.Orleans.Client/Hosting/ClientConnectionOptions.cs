using Microsoft.AspNetCore.Connections;
using Orleans.Runtime.Messaging;

namespace Orleans.Configuration;

/// <summary>What a client's connections to gateways pass through.</summary>
public class ClientConnectionOptions
{
    internal ConnectionPipeline Pipeline { get; } = new();

    public void ConfigureConnection(Action<IConnectionBuilder> configure) => Pipeline.Add(configure);
}
