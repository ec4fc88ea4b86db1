using Microsoft.Extensions.Hosting;

namespace Orleans.Runtime;

/// <summary>The client as the application sees it; connects and disconnects with its host.</summary>
internal sealed class ClusterClient(
    IGrainFactory factory,
    IServiceProvider services,
    ClientRuntime runtime,
    IEnumerable<IConfigurationValidator> validators,
    IEnumerable<IClientConnectionRetryFilter> retryFilters) : ForwardingGrainFactory(factory), IClusterClient, IHostedService
{
    public IServiceProvider ServiceProvider => services;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var validator in validators)
            validator.ValidateConfiguration();
        return runtime.StartAsync(retryFilters.LastOrDefault(), cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => runtime.StopAsync();
}
