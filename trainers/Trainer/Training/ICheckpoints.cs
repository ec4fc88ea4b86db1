using FineTuneGrid.Storage;

namespace FineTuneGrid.Trainer.Training;

/// <summary>A job's checkpoints under one fencing epoch.</summary>
internal interface ICheckpoints
{
    /// <summary>The newest sound checkpoint, and the names of those that were not.</summary>
    (StoredCheckpoint? Newest, IReadOnlyList<string> Skipped) Restore();

    /// <exception cref="Contracts.GridException"><c>fenced</c>: a newer attempt holds the job; nothing was committed.</exception>
    CommittedCheckpoint Commit(int step, long samplesConsumed, bool isFinal, IReadOnlyList<CheckpointContent> parts);
}

/// <param name="Open">Gives the bytes, from the start, every time it is called.</param>
internal sealed record CheckpointContent(string Name, Func<Stream> Open);

/// <param name="Digests">SHA-256 by part name.</param>
internal sealed record CommittedCheckpoint(string ManifestKey, int Step, IReadOnlyDictionary<string, string> Digests);

/// <param name="IsFinal">It holds the job's result.</param>
internal sealed record StoredCheckpoint(string ManifestKey, int Step, long SamplesConsumed, bool IsFinal, IReadOnlyDictionary<string, string> Digests, Func<string, LocalFile> Open);
