using System.Text;
using System.Text.Json;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage.Tests;

public sealed class CheckpointStoreTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly LocalBlobStore _blobs;
    private readonly CheckpointStore _store;

    public CheckpointStoreTests()
    {
        _blobs = new LocalBlobStore(_folder.Path);
        _store = new CheckpointStore(_blobs, "job-1");
    }

    [Fact]
    public async Task Restore_NothingCommitted_IsNull()
    {
        Assert.Null(await _store.ReadHeadAsync());
        Assert.Null(await _store.RestoreAsync());
        await _store.FenceAsync(1, "start-1");
        Assert.Null(await _store.RestoreAsync());
    }

    [Fact]
    public async Task Commit_ThenRestore_GivesTheWholeState()
    {
        await _store.FenceAsync(3, "start-3");
        var metadata = JsonSerializer.SerializeToElement(new { best = 0.25 });
        var head = await _store.CommitAsync(Commit(3, step: 10, "weights-10") with { Metadata = metadata });
        Assert.Equal((3, 10, false), (head.Head.Epoch, head.Head.Step, head.Head.Finished));

        var restored = (await new CheckpointStore(_blobs, "job-1").RestoreAsync())!;

        Assert.Empty(restored.Skipped);
        Assert.Equal((3, 10, 100), (restored.Manifest.Epoch, restored.Manifest.Step, restored.Manifest.Cursor));
        Assert.Equal(0.25, restored.Manifest.Metadata!.Value.GetProperty("best").GetDouble());
        Assert.Equal("weights-10", await TextOf(restored, "adapter"));
        using var local = await _store.OpenPartAsync(restored.Manifest.Find("adapter")!);
        Assert.Equal("weights-10", await File.ReadAllTextAsync(local.Path));
    }

    [Fact]
    public async Task Commit_SameStateInAnotherDirectory_GivesTheSameManifest()
    {
        await _store.FenceAsync(1, "a");
        var first = await _store.CommitAsync(Commit(1, 5, "w"));
        using var folder = new TempFolder();
        using var blobs = new LocalBlobStore(folder.Path);
        var other = new CheckpointStore(blobs, "job-1");
        await other.FenceAsync(1, "b");
        Assert.Equal(first.Head.Newest, (await other.CommitAsync(Commit(1, 5, "w"))).Head.Newest);
    }

    [Fact]
    public async Task Commit_EveryManifest_NamesItsPrevious()
    {
        await _store.FenceAsync(1, "a");
        var first = await _store.CommitAsync(Commit(1, 1, "1"));
        await _store.CommitAsync(Commit(1, 2, "2"));
        Assert.Equal(first.Head.Newest!.Manifest, (await _store.RestoreAsync())!.Manifest.Previous);
    }

    [Fact]
    public async Task Commit_OutlivedTrainer_IsFencedEvenBeforeItsSuccessorCommits()
    {
        await _store.FenceAsync(1, "a");
        await _store.CommitAsync(Commit(1, 1, "1"));
        Assert.Equal(1, (await _store.FenceAsync(2, "b")).Head.Step);

        var e = await Assert.ThrowsAsync<GridException>(() => _store.CommitAsync(Commit(1, 2, "2")));

        Assert.Equal(ErrorCodes.Fenced, e.Code);
        Assert.Contains("epoch 2", e.Message);
        Assert.Equal(1, (await _store.RestoreAsync())!.Manifest.Step);
        Assert.Single(await PartKeys());
    }

    [Fact]
    public async Task Commit_FenceArrivesDuringTheUpload_IsFencedAtTheHead()
    {
        await _store.FenceAsync(1, "a");
        var late = new CheckpointCommit(1, 1, 1, [new CheckpointPart("adapter", () =>
        {
            new CheckpointStore(_blobs, "job-1").FenceAsync(2, "b").GetAwaiter().GetResult();
            return new MemoryStream("late"u8.ToArray());
        })]);
        var e = await Assert.ThrowsAsync<GridException>(() => _store.CommitAsync(late));
        Assert.Equal(ErrorCodes.Fenced, e.Code);
        Assert.Null(await _store.RestoreAsync());
    }

    [Fact]
    public async Task Commit_WithoutAnEpoch_IsFenced()
    {
        var e = await Assert.ThrowsAsync<GridException>(() => _store.CommitAsync(Commit(1, 1, "1")));
        Assert.Equal(ErrorCodes.Fenced, e.Code);
    }

    [Fact]
    public async Task Commit_Repeated_SucceedsWithTheSameHead()
    {
        await _store.FenceAsync(1, "a");
        var first = await _store.CommitAsync(Commit(1, 1, "1"));
        Assert.Equal(first.ETag, (await _store.CommitAsync(Commit(1, 1, "1"))).ETag);
    }

    [Theory]
    [InlineData(1, "other weights")]
    [InlineData(0, "0")]
    public async Task Commit_StepThatIsNotNew_IsAConflict(long step, string weights)
    {
        await _store.FenceAsync(1, "a");
        await _store.CommitAsync(Commit(1, 1, "1"));
        var e = await Assert.ThrowsAsync<GridException>(() => _store.CommitAsync(Commit(1, step, weights)));
        Assert.Equal(ErrorCodes.Conflict, e.Code);
        Assert.Equal("1", await TextOf((await _store.RestoreAsync())!, "adapter"));
    }

    [Fact]
    public async Task Commit_AfterTheFinish_IsRefusedInEveryEpoch()
    {
        await _store.FenceAsync(1, "a");
        await _store.CommitAsync(Commit(1, 8, "result") with { Finished = true });
        Assert.True((await _store.FenceAsync(2, "b")).Head.Finished);
        var e = await Assert.ThrowsAsync<GridException>(() => _store.CommitAsync(Commit(2, 9, "one step too many")));
        Assert.Equal(ErrorCodes.Conflict, e.Code);
        Assert.Contains("finished", e.Message);
    }

    [Fact]
    public async Task Fence_RepeatedByItsOperation_IsHarmlessAndByARivalRefused()
    {
        var first = await _store.FenceAsync(4, "mine");
        Assert.Equal(first.ETag, (await _store.FenceAsync(4, "mine")).ETag);
        foreach (var epoch in new[] { 4, 3 })
        {
            var e = await Assert.ThrowsAsync<GridException>(() => _store.FenceAsync(epoch, "rival"));
            Assert.Equal(ErrorCodes.Fenced, e.Code);
        }
    }

    [Fact]
    public async Task Fence_ManyAtOnce_OneRequestOwnsEachEpoch()
    {
        var results = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(async () =>
        {
            try
            {
                return await new CheckpointStore(_blobs, "job-1").FenceAsync(1 + i % 4, $"op-{i}");
            }
            catch (GridException e) when (e.Code == ErrorCodes.Fenced)
            {
                return null;
            }
        })));
        var head = (await _store.ReadHeadAsync())!;
        Assert.Equal(4, head.Head.Epoch);
        Assert.Single(results, r => r?.ETag == head.ETag);
        Assert.All(results.OfType<CheckpointHeadVersion>().GroupBy(r => r.Head.Epoch), g => Assert.Single(g));
    }

    [Fact]
    public async Task Restore_NewestDamaged_FallsBackAndSaysWhatItSkipped()
    {
        await _store.FenceAsync(1, "a");
        for (var step = 1; step <= 4; step++)
            await _store.CommitAsync(Commit(1, step, $"weights-{step}"));
        var manifests = (await _store.ReadHeadAsync())!.Head.Recent;
        await Spoil(PartKeyOf("weights-4"), bytes => bytes[..^1]);
        await Spoil(PartKeyOf("weights-3"), bytes => [(byte)(bytes[0] ^ 1), .. bytes[1..]]);
        await _blobs.DeleteAsync(manifests[2].Manifest);

        var restored = (await _store.RestoreAsync())!;

        Assert.Equal(1, restored.Manifest.Step);
        Assert.Equal([4L, 3L, 2L], restored.Skipped.Select(s => s.Step));
        Assert.Equal(manifests.Take(3).Select(m => m.Manifest), restored.Skipped.Select(s => s.Key));
        Assert.Contains("missing", restored.Skipped[2].Reason);

        // A new epoch goes on from there, below the damaged step, and heals what it writes again.
        await _store.FenceAsync(2, "b");
        await _store.CommitAsync(Commit(2, 3, "weights-3"));
        Assert.Equal(3, (await _store.RestoreAsync())!.Manifest.Step);
    }

    [Fact]
    public async Task Restore_NothingIntact_IsATypedErrorWithFindings()
    {
        await _store.FenceAsync(1, "a");
        await _store.CommitAsync(Commit(1, 1, "w"));
        await _blobs.DeleteAsync(PartKeyOf("w"));
        var e = await Assert.ThrowsAsync<GridException>(() => _store.RestoreAsync());
        Assert.Equal(ErrorCodes.CorruptCheckpoint, e.Code);
        Assert.Single(e.Findings);
    }

    [Fact]
    public async Task ReadHead_AnyDamagedByte_IsNoticed()
    {
        await _store.FenceAsync(7, "a");
        await _store.CommitAsync(Commit(7, 1, "w"));
        var (_, bytes) = (await _blobs.ReadAllBytesAsync("jobs/job-1/head"))!.Value;
        for (var i = 0; i < bytes.Length; i += 3)
        {
            var spoiled = bytes.ToArray();
            spoiled[i] ^= 1;
            await _blobs.WriteBytesAsync("jobs/job-1/head", spoiled);
            var e = await Assert.ThrowsAsync<GridException>(() => _store.ReadHeadAsync());
            Assert.Equal(ErrorCodes.CorruptCheckpoint, e.Code);
        }
    }

    [Fact]
    public async Task Collect_OldCommits_KeepsTheLastOnesAndWhatIsYoung()
    {
        await _store.FenceAsync(1, "a");
        for (var step = 1; step <= 5; step++)
            await _store.CommitAsync(new CheckpointCommit(1, step, step, [Part("adapter", $"w{step}"), Part("constant", "same in all")]));
        await _blobs.WriteBytesAsync("jobs/job-1/checkpoints/parts/" + new string('e', 64), new byte[3]);

        Assert.Equal(new CheckpointCollection(0, 0, 0), await _store.CollectAsync(2, TimeSpan.FromHours(1)));
        var later = new CheckpointStore(_blobs, "job-1", new ShiftedTime(TimeSpan.FromHours(2)));
        var collected = await later.CollectAsync(2, TimeSpan.FromHours(1));

        Assert.Equal((3, 4), (collected.Manifests, collected.Parts));
        Assert.Equal(new[] { PartKeyOf("w4"), PartKeyOf("w5"), PartKeyOf("same in all") }.Order(StringComparer.Ordinal), await PartKeys());
        Assert.Equal(5, (await _store.RestoreAsync())!.Manifest.Step);
        await Spoil(PartKeyOf("w5"), _ => []);
        Assert.Equal(4, (await _store.RestoreAsync())!.Manifest.Step);
    }

    [Fact]
    public async Task Collect_CommitUsesAnOldPartAgainMeanwhile_SparesIt()
    {
        await _store.FenceAsync(1, "a");
        foreach (var (step, weights) in new[] { (1, "again"), (2, "two"), (3, "three") })
            await _store.CommitAsync(Commit(1, step, weights));
        // A collection that has listed and is about to delete "again" when the commit comes.
        var paused = new BeforeDelete(_blobs, async key =>
        {
            if (key == PartKeyOf("again"))
                await _store.CommitAsync(Commit(1, 4, "again"));
        });
        await new CheckpointStore(paused, "job-1", new ShiftedTime(TimeSpan.FromHours(2))).CollectAsync(1, TimeSpan.FromHours(1));
        Assert.Equal("again", await TextOf((await _store.RestoreAsync())!, "adapter"));
    }

    [Fact]
    public async Task Collect_KeptManifestDamaged_RemovesNothing()
    {
        await _store.FenceAsync(1, "a");
        await _store.CommitAsync(Commit(1, 1, "1"));
        var head = await _store.CommitAsync(Commit(1, 2, "2"));
        await Spoil(head.Head.Newest!.Manifest, bytes => bytes[1..]);
        var later = new CheckpointStore(_blobs, "job-1", new ShiftedTime(TimeSpan.FromHours(2)));
        await Assert.ThrowsAsync<GridException>(() => later.CollectAsync(1, TimeSpan.Zero));
        Assert.Equal(2, (await PartKeys()).Count);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData("..")]
    public async Task Commit_WrongPartName_IsRefused(string name)
    {
        await _store.FenceAsync(1, "a");
        await Assert.ThrowsAsync<ArgumentException>(() => _store.CommitAsync(new CheckpointCommit(1, 1, 1, [Part(name, "w")])));
        await Assert.ThrowsAsync<ArgumentException>(() => _store.CommitAsync(new CheckpointCommit(1, 1, 1, [Part("w", "1"), Part("w", "2")])));
    }

    public void Dispose()
    {
        _blobs.Dispose();
        _folder.Dispose();
    }

    private static CheckpointPart Part(string name, string text) => new(name, Encoding.UTF8.GetBytes(text));

    private static CheckpointCommit Commit(long epoch, long step, string weights) => new(epoch, step, step * 10, [Part("adapter", weights)]);

    private static string PartKeyOf(string text) => "jobs/job-1/checkpoints/parts/" + SealedJson.Digest(Encoding.UTF8.GetBytes(text));

    private async Task<string> TextOf(RestoredCheckpoint restored, string part) =>
        Encoding.UTF8.GetString(await _store.ReadPartAsync(restored.Manifest.Find(part)!));

    private async Task<List<string>> PartKeys() =>
        await _blobs.ListAsync("jobs/job-1/checkpoints/parts/").Select(b => b.Key).ToListAsync();

    private async Task Spoil(string key, Func<byte[], byte[]> change) =>
        await _blobs.WriteBytesAsync(key, change((await _blobs.ReadAllBytesAsync(key))!.Value.Bytes));

    private sealed class ShiftedTime(TimeSpan shift) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + shift;
    }

    private sealed class BeforeDelete(IBlobStore inner, Func<string, Task> action) : WrappedBlobStore(inner)
    {
        public override async Task<bool> DeleteAsync(string key, string? ifMatch = null, CancellationToken cancellation = default)
        {
            await action(key);
            return await base.DeleteAsync(key, ifMatch, cancellation);
        }
    }
}
