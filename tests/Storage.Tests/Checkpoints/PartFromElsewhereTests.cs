using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage.Tests;

/// <summary>A checkpoint of several processes: each writes its own part, and one commits them all.</summary>
public sealed class PartFromElsewhereTests : IDisposable
{
    private static readonly CheckpointPart Own = new("own", "first"u8.ToArray());
    private static readonly CheckpointPart Other = new("other", "second"u8.ToArray());

    private readonly TempFolder _folder = new();
    private readonly LocalBlobStore _blobs;
    private readonly CheckpointStore _store;
    private readonly CancellationTokenSource _giveUp = new();

    public PartFromElsewhereTests()
    {
        _blobs = new LocalBlobStore(_folder.Path);
        _store = new CheckpointStore(_blobs, "job-1");
    }

    [Fact]
    public async Task Commit_WaitsForThePartAndHoldsIt()
    {
        var commit = await BeginAsync();
        Assert.Null((await _store.ReadHeadAsync())!.Head.Newest);

        await new CheckpointStore(_blobs, "job-1").WritePartAsync(Other);
        await commit;

        var restored = (await _store.RestoreAsync())!;
        Assert.Equal("second"u8.ToArray(), await _store.ReadPartAsync(restored.Manifest.Find("other")!));
    }

    [Fact]
    public async Task Commit_WhenThePartWillNotCome_CommitsNothing()
    {
        var commit = await BeginAsync();
        _giveUp.Cancel();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => commit);
        Assert.Null((await _store.ReadHeadAsync())!.Head.Newest);
    }

    [Fact]
    public async Task Commit_OfAPartWithOtherBytesThanItsNameSays_CommitsNothing()
    {
        var commit = await BeginAsync();
        var info = (await Other.DescribedAsync()).Info!;
        await _blobs.WriteAsync(_store.PartKey(info), new MemoryStream("damaged"u8.ToArray()));

        var fault = await Assert.ThrowsAsync<GridException>(() => commit);
        Assert.Equal(ErrorCodes.CorruptCheckpoint, fault.Code);
        Assert.Null((await _store.ReadHeadAsync())!.Head.Newest);
    }

    public void Dispose()
    {
        _giveUp.Dispose();
        _blobs.Dispose();
        _folder.Dispose();
    }

    /// <summary>A commit that lacks nothing but the other process's part.</summary>
    private async Task<Task> BeginAsync()
    {
        await _store.FenceAsync(1, "start");
        var info = (await Other.DescribedAsync()).Info!;
        return _store.CommitAsync(new CheckpointCommit(1, 5, 50, [Own, CheckpointPart.FromElsewhere(info, _giveUp.Token)]));
    }
}
