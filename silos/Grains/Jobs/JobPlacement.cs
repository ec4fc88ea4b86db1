using System.Text.Json.Serialization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>One run of the job: on one slot, or as a gang of workers on one slot each. Worker 0 leads.</summary>
/// <param name="NodeId">Of worker 0, as is <paramref name="Slot"/>.</param>
/// <param name="Attached">Worker 0 has said that it steps.</param>
/// <param name="StopReason">Why it was told to stop; null where it was not.</param>
public sealed record JobPlacement(
    string Id, string NodeId, int Slot, string SessionId, int Epoch, bool Attached = false, string? StopReason = null, DateTimeOffset? StopAt = null)
{
    public DateTimeOffset? GrantedAt { get; init; }

    /// <summary>The workers of a gang beside the first, in order of rank; null where there is one.</summary>
    public IReadOnlyList<JobPeer>? Peers { get; init; }

    /// <summary><c>host:port</c> where the gang meets; null until worker 0 has told it. The others are started with it.</summary>
    public string? Meeting { get; init; }

    /// <summary>Worker 0 is known to be gone, and others are not yet.</summary>
    public bool FirstGone { get; init; }

    /// <summary>How the run ends once all are gone; null while nobody is.</summary>
    public RunEnd? End { get; init; }

    [JsonIgnore]
    public int Size => 1 + (Peers?.Count ?? 0);

    /// <summary>The workers that may still run, in order of rank. Those that were never started are none of them.</summary>
    [JsonIgnore]
    public IEnumerable<int> Present => Enumerable.Range(0, Size).Where(rank => !IsGone(rank));

    public bool IsGone(int rank) => rank == 0 ? FirstGone : Meeting is null || Peers![rank - 1].Gone;

    public string NodeOf(int rank) => rank == 0 ? NodeId : Peers![rank - 1].NodeId;

    public int SlotOf(int rank) => rank == 0 ? Slot : Peers![rank - 1].Slot;

    public string SessionOf(int rank) => GangSessions.Of(SessionId, rank);

    /// <summary>Whose session it is; null for a session of another run.</summary>
    public int? RankOf(string session)
    {
        for (var rank = 0; rank < Size; rank++)
            if (SessionOf(rank) == session)
                return rank;
        return null;
    }

    public JobPlacement Without(int rank) => rank == 0
        ? this with { FirstGone = true }
        : this with { Peers = [.. Peers!.Select((peer, i) => i == rank - 1 ? peer with { Gone = true } : peer)] };

    public string Places() => string.Join(", ", Enumerable.Range(0, Size).Select(rank => $"{NodeOf(rank)}, slot {SlotOf(rank)}"));
}

/// <param name="Gone">Its trainer is known to be gone.</param>
public sealed record JobPeer(string NodeId, int Slot, bool Gone = false);

/// <summary>How a run ends.</summary>
/// <param name="Kind">What the pool is told; null where it left as it was asked to.</param>
/// <param name="Finished">The result, where it is committed.</param>
public sealed record RunEnd(ReleaseKind? Kind = null, GridError? Error = null, JobFinished? Finished = null)
{
    /// <summary>A result counts above all. That the gang broke is only what the fault of one worker looks like to the others.</summary>
    private int Weight => Finished is not null ? 3 : Kind is not null && Error?.Code != ErrorCodes.GangBroken ? 2 : 1;

    /// <summary>Of the ends of several workers the one that says why; of equal ones the first.</summary>
    public static RunEnd Of(RunEnd? before, RunEnd now) => before is null || now.Weight > before.Weight ? now : before;
}
