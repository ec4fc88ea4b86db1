using Orleans.Runtime;

namespace Orleans;

/// <summary>One silo of the cluster.</summary>
[GenerateSerializer]
public sealed class MembershipEntry
{
    [Id(0)]
    public SiloAddress SiloAddress { get; set; } = SiloAddress.Zero;

    [Id(1)]
    public SiloStatus Status { get; set; }

    [Id(3)]
    public int ProxyPort { get; set; }

    [Id(4)]
    public string HostName { get; set; } = string.Empty;

    [Id(5)]
    public string SiloName { get; set; } = string.Empty;

    [Id(9)]
    public DateTime StartTime { get; set; }

    [Id(10)]
    public DateTime IAmAliveTime { get; set; }
}
