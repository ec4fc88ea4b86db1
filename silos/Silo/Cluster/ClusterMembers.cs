using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;
using ClusterMember = FineTuneGrid.Contracts.Nodes.ClusterMember;

namespace FineTuneGrid.Silo;

/// <summary>The membership as its table has it now, so that it can be seen and mended when nothing else answers.</summary>
internal sealed partial class ClusterMembers(IGrainFactory grains, ILocalSiloDetails self, IServiceProvider services, TimeProvider time, ILogger<ClusterMembers> logger) : IClusterMembers
{
    private const int Attempts = 20;

    private IMembershipTable? Table => services.GetService<IMembershipTable>();

    public async Task<IReadOnlyList<ClusterMember>> ListAsync()
    {
        // The table itself where there is one: a grain may be on the very silo that died.
        var rows = Table is { } table ? (await table.ReadAll()).Members.Select(m => m.Item1) : await grains.GetGrain<IManagementGrain>(0).GetDetailedHosts();
        return [.. rows.Select(View).OrderBy(m => m.Address, StringComparer.Ordinal)];
    }

    public async Task<ClusterMember> EvictAsync(string address, bool force)
    {
        var silo = Parse(address);
        var known = (await ListAsync()).FirstOrDefault(m => m.Address == silo.ToParsableString());
        if (silo.Equals(self.SiloAddress))
            throw new GridException(ErrorCodes.Conflict, $"{address} is the silo that answers; stop it, or ask another silo to evict it.", "address");
        if (known is null || Table is not { } table) throw Missing(address);
        if (known.Status != Name(SiloStatus.Dead))
        {
            if (known is { Stale: false, Status: "active" } && !force)
                throw new GridException(ErrorCodes.Conflict, $"{address} said {(time.GetUtcNow() - known.Heartbeat).TotalSeconds:0} s ago that it is alive; stop it, or force its eviction.", "address");
            await KillAsync(table, silo, address);
            LogEvicted(address, force);
        }
        return (await ListAsync()).FirstOrDefault(m => m.Address == known.Address) ?? known with { Status = Name(SiloStatus.Dead) };
    }

    /// <summary>The row by compare-and-swap: the outcome is known when this returns.</summary>
    private static async Task KillAsync(IMembershipTable table, SiloAddress silo, string address)
    {
        for (var i = 0; i < Attempts; i++)
        {
            var rows = await table.ReadAll();
            if (rows.Members.FirstOrDefault(m => m.Item1.SiloAddress.Equals(silo)) is not var (row, etag)) throw Missing(address);
            if (row.Status == SiloStatus.Dead) return;
            row.Status = SiloStatus.Dead;
            if (await table.UpdateRow(row, etag, rows.Version.Next())) return;
        }
        throw new GridException(ErrorCodes.Unavailable, "The membership changed at every attempt; try again.");
    }

    private ClusterMember View(MembershipEntry entry) => new(
        entry.SiloAddress.ToParsableString(), entry.SiloName, entry.HostName, Name(entry.Status), entry.ProxyPort, Utc(entry.StartTime), Utc(MembershipTimes.LastSign(entry)),
        entry.Status == SiloStatus.Active && !IsSelf(entry) && MembershipTimes.IsStale(entry, time.GetUtcNow()), IsSelf(entry));

    /// <summary>It answers, so it is alive, whether it writes heartbeats or, as the only silo, none.</summary>
    private bool IsSelf(MembershipEntry entry) => entry.SiloAddress.Equals(self.SiloAddress);

    private static string Name(SiloStatus status) => status.ToString().ToLowerInvariant();

    private static DateTimeOffset Utc(DateTime time) => new(DateTime.SpecifyKind(time, DateTimeKind.Utc));

    private static SiloAddress Parse(string address)
    {
        try
        {
            return SiloAddress.FromParsableString(address);
        }
        catch (Exception e) when (e is FormatException or ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            throw new GridException(ErrorCodes.InvalidValue, $"'{address}' is not the address of a silo: ip:port@generation, as 'ftg cluster members' shows it.", "address", inner: e);
        }
    }

    private static GridException Missing(string address) => new(ErrorCodes.NotFound, $"There is no silo '{address}'.", "address");

    [LoggerMessage(Level = LogLevel.Warning, Message = "Silo {Address} was declared dead by an operator (forced: {Forced})")]
    private partial void LogEvicted(string address, bool forced);
}
