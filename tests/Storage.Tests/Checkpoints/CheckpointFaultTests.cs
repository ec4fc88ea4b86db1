using System.Text;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage.Tests;

/// <summary>
/// One fault at every single storage operation of a job's life (two epochs, five commits, a collection, restores), for every
/// kind of fault. The trainer repeats what failed. Whatever happens: failures are typed, what was acknowledged is restored.
/// </summary>
public sealed class CheckpointFaultTests
{
    private const int Attempts = 3;

    private static readonly HashSet<string> Retryable = [ErrorCodes.Unavailable, ErrorCodes.InsufficientStorage, ErrorCodes.CorruptCheckpoint, ErrorCodes.Conflict];

    public static TheoryData<Fault> Faults => [.. Enum.GetValues<Fault>()];

    [Fact]
    public async Task Life_WithoutFaults_EndsAtStepFive()
    {
        var (operations, fired) = await LiveAsync(Fault.TimeoutBefore, at: -1);
        Assert.False(fired);
        Assert.InRange(operations, 40, 200);
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task Life_FaultAtEachOperation_LosesNothingAcknowledged(Fault fault)
    {
        var (operations, _) = await LiveAsync(fault, at: -1);
        var fired = 0;
        for (var at = 0; at < operations; at++)
            fired += (await LiveAsync(fault, at)).Fired ? 1 : 0;
        Assert.True(fired >= 5, $"{fault} met only {fired} of {operations} operations");
    }

    private static async Task<(int Operations, bool Fired)> LiveAsync(Fault fault, int at)
    {
        var blobs = new MemoryBlobStore();
        var faulty = new FaultyBlobStore(blobs, fault, at);
        var store = new CheckpointStore(faulty, "job");
        var clean = new CheckpointStore(blobs, "job");

        await RepeatAsync(() => store.FenceAsync(1, "first"));
        for (var step = 1; step <= 3; step++)
            await CommitAsync(store, clean, epoch: 1, step);
        await RepeatAsync(() => store.FenceAsync(2, "second"));
        var restored = await RepeatAsync(() => store.RestoreAsync());
        Assert.Equal(3, restored!.Manifest.Step + restored.Skipped.Count);
        await RepeatAsync(() => store.CollectAsync(2, TimeSpan.Zero));
        for (var step = 4; step <= 5; step++)
            await CommitAsync(store, clean, epoch: 2, step);

        var outlived = await Assert.ThrowsAsync<GridException>(() => RepeatAsync(() => store.CommitAsync(Commit(1, 6))));
        Assert.Equal(ErrorCodes.Fenced, outlived.Code);
        Assert.Equal(5, (await clean.RestoreAsync())!.Manifest.Step);
        return (faulty.Operations, faulty.Fired);
    }

    private static async Task CommitAsync(CheckpointStore store, CheckpointStore clean, long epoch, int step)
    {
        var before = (await clean.RestoreAsync())?.Manifest.Step ?? 0;
        var head = await RepeatAsync(async () =>
        {
            try
            {
                return await store.CommitAsync(Commit(epoch, step));
            }
            finally
            {
                // What was there before an attempt is there after it, whether it failed or not.
                Assert.InRange((await clean.RestoreAsync())?.Manifest.Step ?? 0, before, step);
            }
        });
        Assert.Equal(step, head.Head.Step);
        var restored = (await clean.RestoreAsync())!;
        Assert.Empty(restored.Skipped);
        Assert.Equal(step, restored.Manifest.Step);
        Assert.Equal($"weights {step}", Encoding.UTF8.GetString(await clean.ReadPartAsync(restored.Manifest.Find("adapter")!)));
    }

    private static CheckpointCommit Commit(long epoch, int step) => new(epoch, step, step * 7,
    [
        new CheckpointPart("adapter", Encoding.UTF8.GetBytes($"weights {step}")),
        new CheckpointPart("frozen", "the same in every checkpoint"u8.ToArray()),
    ]);

    private static async Task<T> RepeatAsync<T>(Func<Task<T>> call)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await call();
            }
            catch (GridException e) when (Retryable.Contains(e.Code) && attempt < Attempts)
            {
                // A trainer does the same: the call may be repeated after any failure.
            }
        }
    }
}
