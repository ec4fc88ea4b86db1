using Microsoft.Extensions.DependencyInjection;

namespace Orleans.Configuration;

/// <summary>The cluster and service id of localhost clustering: explicit ones win, "dev" fills what is blank.</summary>
internal static class LocalhostClusterOptions
{
    public static void Apply(IServiceCollection services, string serviceId, string clusterId)
    {
        if (serviceId == ClusterOptions.DevelopmentServiceId && clusterId == ClusterOptions.DevelopmentClusterId)
        {
            services.PostConfigure<ClusterOptions>(options =>
            {
                if (string.IsNullOrWhiteSpace(options.ClusterId))
                    options.ClusterId = ClusterOptions.DevelopmentClusterId;
                if (string.IsNullOrWhiteSpace(options.ServiceId))
                    options.ServiceId = ClusterOptions.DevelopmentServiceId;
            });
        }
        else
        {
            services.Configure<ClusterOptions>(options =>
            {
                options.ServiceId = serviceId;
                options.ClusterId = clusterId;
            });
        }
    }
}
