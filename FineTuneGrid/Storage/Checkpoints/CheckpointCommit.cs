using System.Text.Json;

namespace FineTuneGrid.Storage;

/// <summary>A training state to be committed.</summary>
/// <param name="Epoch">The epoch of the trainer's assignment.</param>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Cursor">Samples consumed.</param>
public sealed record CheckpointCommit(long Epoch, long Step, long Cursor, IReadOnlyList<CheckpointPart> Parts)
{
    public JsonElement? Metadata { get; init; }

    /// <summary>This is the result of the training; later commits are refused.</summary>
    public bool Finished { get; init; }
}
