namespace Orleans.Configuration;

/// <summary>How silos watch each other. The single silo of these packages has nobody to watch.</summary>
public class ClusterMembershipOptions
{
    public int NumMissedTableIAmAliveLimit { get; set; } = 3;

    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromSeconds(5);

    public int NumMissedProbesLimit { get; set; } = 3;

    public int NumVotesForDeathDeclaration { get; set; } = 2;

    public TimeSpan DeathVoteExpirationTimeout { get; set; } = TimeSpan.FromMinutes(2);

    public TimeSpan TableRefreshTimeout { get; set; } = TimeSpan.FromSeconds(60);

    public TimeSpan IAmAliveTablePublishTimeout { get; set; } = TimeSpan.FromSeconds(30);

    public TimeSpan MaxJoinAttemptTime { get; set; } = TimeSpan.FromMinutes(5);
}
