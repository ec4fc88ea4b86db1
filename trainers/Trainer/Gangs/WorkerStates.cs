using System.Buffers.Binary;
using FineTuneGrid.Storage;
using FineTuneGrid.Trainer.Training;

namespace FineTuneGrid.Trainer.Gangs;

/// <summary>
/// Where each worker of a gang has a state of its own, a checkpoint holds all of them: every worker writes its own part, beside the
/// steps that follow, and tells worker 0 its length and digest, which commits them together.
/// </summary>
internal sealed class WorkerStates(Gang gang, RunCheckpoints checkpoints, Action guard) : IDisposable
{
    private const int DigestBytes = 32;
    private const int RowBytes = sizeof(long) + DigestBytes;

    private readonly BackgroundLane<CheckpointPart> _lane = new("worker's state");
    private readonly CancellationTokenSource _over = new();

    /// <summary>How many workers' states a checkpoint holds: a gang of as many goes on, each from its own.</summary>
    public static int WorkersIn(CheckpointManifest manifest)
    {
        var others = 0;
        while (manifest.Find(RunParts.WorkerName(others + 1)) is not null) others++;
        return others + 1;
    }

    /// <summary>Called by all workers at the same step. For worker 0: the others' parts, for its commit.</summary>
    /// <param name="mine">This worker's part; not asked for at worker 0, whose state is the rest of the checkpoint.</param>
    /// <param name="beside">The part's content stays as it is while the steps go on.</param>
    public IReadOnlyList<CheckpointPart> Exchange(Func<CheckpointPart> mine, bool beside)
    {
        Settle();
        var row = new byte[RowBytes];
        var part = gang.IsFirst ? null : RunCheckpoints.Described(mine());
        if (part is { Info: { } info })
        {
            BinaryPrimitives.WriteInt64LittleEndian(row, info.Length);
            Convert.FromHexString(info.Sha256).CopyTo(row, sizeof(long));
        }
        var rows = gang.AllGather(row).Chunk(RowBytes).ToList();
        if (part is null) return [.. Enumerable.Range(1, gang.Size - 1).Select(rank => Elsewhere(rank, rows[rank]))];
        if (beside) _lane.Begin(() => Written(part));
        else _lane.Put(Written(part));
        return [];
    }

    /// <summary>This worker's part is written, where one was begun.</summary>
    /// <exception cref="Exception">It could not be.</exception>
    public void Settle() => _lane.Wait(guard);

    /// <summary>The gang is broken: what the others had not written will not come.</summary>
    public void GiveUp() => _over.Cancel();

    public void Dispose()
    {
        GiveUp();
        _lane.Dispose();
    }

    private CheckpointPart Written(CheckpointPart part)
    {
        checkpoints.Write(part, _over.Token);
        return part;
    }

    private CheckpointPart Elsewhere(int rank, byte[] row) => CheckpointPart.FromElsewhere(
        new CheckpointPartInfo(RunParts.WorkerName(rank), BinaryPrimitives.ReadInt64LittleEndian(row), Convert.ToHexStringLower(row.AsSpan(sizeof(long)))), _over.Token);
}
