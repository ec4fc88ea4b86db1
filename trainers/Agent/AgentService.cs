using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;

namespace FineTuneGrid.Agent;

/// <summary>Runs the node agent in a host: role <c>node</c>.</summary>
internal sealed class AgentService(NodeAgent agent) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => agent.RunAsync(stoppingToken);
}

public static class AgentHosting
{
    /// <summary>
    /// Adds the node agent. The host must have an <see cref="IClusterClient"/>, and a shutdown limit above
    /// <see cref="AgentOptions.StopLimit"/>.
    /// </summary>
    /// <param name="beforeCall">Called before every grain call, in its flow: puts the node's token into the request context.</param>
    public static IServiceCollection AddNodeAgent(this IServiceCollection services, AgentOptions options, IBlobStore store, Action? beforeCall = null)
    {
        services.AddSingleton(provider =>
        {
            var client = provider.GetRequiredService<IClusterClient>();
            return new NodeAgent(
                options,
                () =>
                {
                    beforeCall?.Invoke();
                    return client.GetGrain<INodeGrain>(options.NodeId);
                },
                store,
                provider.GetService<TimeProvider>() ?? TimeProvider.System,
                provider.GetRequiredService<ILogger<NodeAgent>>());
        });
        return services.AddHostedService<AgentService>();
    }
}
