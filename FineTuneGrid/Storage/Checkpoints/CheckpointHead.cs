using System.Text.Json.Serialization;

namespace FineTuneGrid.Storage;

/// <summary>
/// The one mutable record of a job's training: which epoch may commit, and what was committed last. An epoch is one
/// assignment of the job to a trainer; raising it shuts every earlier trainer out.
/// </summary>
/// <param name="Epoch">The only epoch that may commit.</param>
/// <param name="Fence">The operation that raised the epoch; tells a repeated request from a rival one.</param>
/// <param name="Recent">Committed manifests, newest first.</param>
/// <param name="Finished">The training is complete: the newest manifest is its result, and nothing may be committed any more.</param>
/// <param name="Commit">Digest of what the newest commit contained, or null before the first.</param>
public sealed record CheckpointHead(long Epoch, string Fence, IReadOnlyList<CheckpointReference> Recent, bool Finished, string? Commit)
{
    public const int CurrentVersion = 1;

    /// <summary>The form of the head and of the manifests that it names. Nothing says the first: heads of before it was counted have none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Version { get; init; }

    public CheckpointReference? Newest => Recent.Count == 0 ? null : Recent[0];

    /// <summary>Optimizer steps committed; 0 before the first commit.</summary>
    public long Step => Newest?.Step ?? 0;
}

/// <summary>A committed manifest.</summary>
/// <param name="Manifest">Its key; ends with the digest of its bytes.</param>
public sealed record CheckpointReference(string Manifest, long Epoch, long Step);

/// <summary>A head as it was read or written.</summary>
public sealed record CheckpointHeadVersion(CheckpointHead Head, string ETag);
