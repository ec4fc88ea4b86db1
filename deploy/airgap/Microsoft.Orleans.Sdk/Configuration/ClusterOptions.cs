namespace Orleans.Configuration;

/// <summary>Which cluster a silo or client belongs to.</summary>
public class ClusterOptions
{
    public const string DefaultClusterId = "default";

    public const string DefaultServiceId = "default";

    internal const string DevelopmentClusterId = "dev";

    internal const string DevelopmentServiceId = "dev";

    /// <summary>Silos and clients connect only within one cluster id. Default: "default".</summary>
    public string ClusterId { get; set; } = DefaultClusterId;

    /// <summary>The name under which state is kept across deployments. Default: "default".</summary>
    public string ServiceId { get; set; } = DefaultServiceId;
}
