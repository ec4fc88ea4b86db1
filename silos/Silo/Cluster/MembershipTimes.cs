using Orleans;
using Orleans.Configuration;

namespace FineTuneGrid.Silo;

/// <summary>
/// How fast silos find each other dead. A silo is suspected after three probes without an answer, that is within 12 s, and its
/// row counts as stale three heartbeats after the last, that is after 15 s: both well below the lease of nodes in a cluster.
/// </summary>
internal static class MembershipTimes
{
    public static readonly TimeSpan Probe = TimeSpan.FromSeconds(3);
    public static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(5);
    private const int MissedProbes = 3;
    private const int MissedHeartbeats = 3;

    /// <summary>Without a heartbeat for so long a row is stale: the same reckoning as the runtime's.</summary>
    public static readonly TimeSpan StaleAfter = Heartbeat * MissedHeartbeats;

    /// <summary>Longer than a whole cluster needs to be found dead; whoever has not joined then starts anew under its supervisor.</summary>
    private static readonly TimeSpan Join = TimeSpan.FromSeconds(75);

    public static void Apply(ClusterMembershipOptions options)
    {
        options.ProbeTimeout = Probe;
        options.NumMissedProbesLimit = MissedProbes;
        options.IAmAliveTablePublishTimeout = Heartbeat;
        options.NumMissedTableIAmAliveLimit = MissedHeartbeats;
        options.TableRefreshTimeout = TimeSpan.FromSeconds(5);
        options.MaxJoinAttemptTime = Join;
    }

    public static DateTime LastSign(MembershipEntry entry) => entry.IAmAliveTime > entry.StartTime ? entry.IAmAliveTime : entry.StartTime;

    public static bool IsStale(MembershipEntry entry, DateTimeOffset now) => now.UtcDateTime - LastSign(entry) > StaleAfter;
}
