using Orleans.Concurrency;

namespace Orleans.Runtime.Management;

/// <summary>Reports on the one silo there is.</summary>
[Reentrant]
internal sealed class ManagementGrain(SiloRuntime silo, ILocalSiloDetails details, SiloState state) : Grain, IManagementGrain
{
    public Task<Dictionary<SiloAddress, SiloStatus>> GetHosts(bool onlyActive = false)
    {
        var hosts = new Dictionary<SiloAddress, SiloStatus>();
        if (!onlyActive || state.Status == SiloStatus.Active)
            hosts.Add(details.SiloAddress, state.Status);
        return Task.FromResult(hosts);
    }

    public Task<MembershipEntry[]> GetDetailedHosts(bool onlyActive = false)
    {
        if (onlyActive && state.Status != SiloStatus.Active)
            return Task.FromResult(Array.Empty<MembershipEntry>());
        var entry = new MembershipEntry
        {
            SiloAddress = details.SiloAddress,
            Status = state.Status,
            ProxyPort = details.GatewayAddress?.Endpoint.Port ?? 0,
            HostName = details.DnsHostName,
            SiloName = details.Name,
            StartTime = ((LocalSiloDetails)details).StartTime,
            IAmAliveTime = DateTime.UtcNow,
        };
        return Task.FromResult(new[] { entry });
    }

    public Task<SimpleGrainStatistic[]> GetSimpleGrainStatistics() => Task.FromResult<SimpleGrainStatistic[]>(
        [.. silo.Catalog.Activations
            .GroupBy(activation => activation.Class.Name)
            .Select(group => new SimpleGrainStatistic
            {
                GrainType = group.Key,
                SiloAddress = silo.Address,
                ActivationCount = group.Count(),
            })]);

    public Task<SimpleGrainStatistic[]> GetSimpleGrainStatistics(SiloAddress[] hostsIds) =>
        IsMeant(hostsIds) ? GetSimpleGrainStatistics() : Task.FromResult(Array.Empty<SimpleGrainStatistic>());

    public Task<DetailedGrainStatistic[]> GetDetailedGrainStatistics(string[]? types = null, SiloAddress[]? hostsIds = null) =>
        Task.FromResult<DetailedGrainStatistic[]>(!IsMeant(hostsIds) ? [] : [.. silo.Catalog.Activations
            .Where(activation => types is null or [] || types.Contains(activation.Class.Name))
            .Select(activation => new DetailedGrainStatistic
            {
                GrainType = activation.Class.Name,
                SiloAddress = silo.Address,
                GrainId = activation.GrainId,
            })]);

    public Task<int> GetTotalActivationCount() => Task.FromResult(silo.Catalog.Count);

    public ValueTask<List<GrainId>> GetActiveGrains(GrainType type) => ValueTask.FromResult(
        silo.Catalog.Activations.Select(activation => activation.GrainId).Where(id => id.Type == type).ToList());

    public Task ForceActivationCollection(TimeSpan ageLimit)
    {
        foreach (var activation in silo.Catalog.Activations)
            activation.DeactivateIfIdle(ageLimit);
        return Task.CompletedTask;
    }

    public Task ForceActivationCollection(SiloAddress[] hostsIds, TimeSpan ageLimit) =>
        IsMeant(hostsIds) ? ForceActivationCollection(ageLimit) : Task.CompletedTask;

    private bool IsMeant(SiloAddress[]? hosts) => hosts is null or [] || hosts.Contains(silo.Address);
}
