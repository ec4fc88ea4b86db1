using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace Orleans.Runtime;

internal sealed class GrainCollectionOptionsValidator(IOptions<GrainCollectionOptions> options) : IConfigurationValidator
{
    public void ValidateConfiguration()
    {
        var value = options.Value;
        if (value.CollectionQuantum <= TimeSpan.Zero)
            throw new OrleansConfigurationException($"{nameof(GrainCollectionOptions.CollectionQuantum)} must be positive: set it to the period at which idle grains are looked for.");
        foreach (var (name, age) in value.ClassSpecificCollectionAge.Append(new("CollectionAge", value.CollectionAge)))
        {
            if (age <= value.CollectionQuantum)
                throw new OrleansConfigurationException(
                    $"The collection age {age} of {name} must be greater than {nameof(GrainCollectionOptions.CollectionQuantum)}, which is {value.CollectionQuantum}.");
        }
    }
}

internal sealed class ClusterOptionsValidator(IOptions<ClusterOptions> options) : IConfigurationValidator
{
    public void ValidateConfiguration()
    {
        if (string.IsNullOrWhiteSpace(options.Value.ClusterId) || string.IsNullOrWhiteSpace(options.Value.ServiceId))
            throw new OrleansConfigurationException($"{nameof(ClusterOptions)} needs a {nameof(ClusterOptions.ClusterId)} and a {nameof(ClusterOptions.ServiceId)}.");
    }
}

/// <summary>Registered by those who configure clustering.</summary>
internal sealed class ClusteringMarker;

internal sealed class ClusteringValidator(IEnumerable<ClusteringMarker> markers) : IConfigurationValidator
{
    public void ValidateConfiguration()
    {
        if (!markers.Any())
            throw new OrleansConfigurationException(
                $"Clustering has not been configured: call UseLocalhostClustering on the silo builder.");
    }
}
