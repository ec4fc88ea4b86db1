using System.Net;
using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace Orleans.Runtime.Messaging;

/// <summary>Connects to the first configured gateway that answers.</summary>
internal sealed class GatewayConnector(
    IOptions<StaticGatewayListProviderOptions> gateways,
    IOptions<ClusterOptions> cluster,
    IOptions<ClientMessagingOptions> messaging,
    IOptions<ConnectionOptions> connection,
    IOptions<ClientConnectionOptions> connecting,
    IServiceProvider services)
{
    /// <summary>This client's identity, kept over all its connections.</summary>
    public Guid ClientId { get; } = Guid.NewGuid();

    /// <exception cref="ConnectionFailedException">No gateway answers.</exception>
    public async Task<GatewayClientConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        Exception? last = null;
        foreach (var gateway in gateways.Value.Gateways)
        {
            try
            {
                return await GatewayClientConnection.OpenAsync(
                    new GatewayRoute(EndpointOf(gateway), connecting.Value.Pipeline, services), cluster.Value.ClusterId, ClientId, messaging.Value,
                    connection.Value.OpenConnectionTimeout, cancellationToken);
            }
            catch (ConnectionFailedException exception)
            {
                last = exception;
            }
        }

        throw new ConnectionFailedException(
            $"Unable to connect to any of the {gateways.Value.Gateways.Count} available gateways. {last?.Message}", last!);
    }

    private static IPEndPoint EndpointOf(Uri gateway) => new(IPAddress.Parse(gateway.Host.Trim('[', ']')), gateway.Port);
}
