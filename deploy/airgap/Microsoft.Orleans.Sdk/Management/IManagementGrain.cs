namespace Orleans.Runtime;

/// <summary>What runs in the cluster. Get it with key 0.</summary>
public interface IManagementGrain : IGrainWithIntegerKey
{
    Task<Dictionary<SiloAddress, SiloStatus>> GetHosts(bool onlyActive = false);

    Task<MembershipEntry[]> GetDetailedHosts(bool onlyActive = false);

    Task<SimpleGrainStatistic[]> GetSimpleGrainStatistics();

    Task<SimpleGrainStatistic[]> GetSimpleGrainStatistics(SiloAddress[] hostsIds);

    Task<DetailedGrainStatistic[]> GetDetailedGrainStatistics(string[]? types = null, SiloAddress[]? hostsIds = null);

    Task<int> GetTotalActivationCount();

    ValueTask<List<GrainId>> GetActiveGrains(GrainType type);

    Task ForceActivationCollection(TimeSpan ageLimit);

    Task ForceActivationCollection(SiloAddress[] hostsIds, TimeSpan ageLimit);
}

/// <summary>Where a silo is in its life.</summary>
public enum SiloStatus
{
    None = 0,
    Created = 1,
    Joining = 2,
    Active = 3,
    ShuttingDown = 4,
    Stopping = 5,
    Dead = 6,
}

/// <summary>How many activations of one grain class a silo holds.</summary>
[GenerateSerializer]
[Immutable]
public sealed class SimpleGrainStatistic
{
    [Id(0)]
    public string GrainType { get; init; } = string.Empty;

    [Id(1)]
    public SiloAddress SiloAddress { get; init; } = SiloAddress.Zero;

    [Id(2)]
    public int ActivationCount { get; init; }

    public override string ToString() => $"SimpleGrainStatistic: GrainType={GrainType} Silo={SiloAddress} NumActivations={ActivationCount}";
}

/// <summary>One activation.</summary>
[GenerateSerializer]
[Immutable]
public sealed class DetailedGrainStatistic
{
    [Id(0)]
    public string GrainType { get; init; } = string.Empty;

    [Id(1)]
    public SiloAddress SiloAddress { get; init; } = SiloAddress.Zero;

    [Id(2)]
    public GrainId GrainId { get; init; }
}
