using System.Text.Json;

namespace FineTuneGrid.Storage;

/// <summary>
/// What one checkpoint consists of. Holds no time and no host, so the same training state gives the same manifest.
/// </summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Cursor">Samples consumed.</param>
/// <param name="Previous">Key of the manifest that was the head before, or null.</param>
/// <param name="Metadata">Whatever the trainer wants back.</param>
public sealed record CheckpointManifest(
    long Epoch, long Step, long Cursor, IReadOnlyList<CheckpointPartInfo> Parts, bool Finished, JsonElement? Metadata, string? Previous)
{
    public CheckpointPartInfo? Find(string part) => Parts.FirstOrDefault(p => p.Name == part);
}

/// <summary>A stored part.</summary>
/// <param name="Sha256">Lower-case hex; also the name of the blob.</param>
public sealed record CheckpointPartInfo(string Name, long Length, string Sha256);
