namespace FineTuneGrid.Storage;

/// <summary>A committed state whose every byte was verified.</summary>
/// <param name="Key">The manifest's.</param>
/// <param name="Skipped">Newer states that were damaged, each with the reason; newest first.</param>
public sealed record RestoredCheckpoint(string Key, CheckpointManifest Manifest, IReadOnlyList<SkippedCheckpoint> Skipped);

public sealed record SkippedCheckpoint(string Key, long Step, string Reason);

/// <summary>What a collection removed.</summary>
public sealed record CheckpointCollection(int Manifests, int Parts, long Bytes);
