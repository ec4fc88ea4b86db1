using FineTuneGrid.Contracts;
using FineTuneGrid.Storage.Backups;

namespace FineTuneGrid.Storage.Tests.Backups;

/// <summary>Bytes under digests, snapshots over them, and the way back.</summary>
public sealed class BackupArchiveTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 3, 12, 0, 0, TimeSpan.Zero);

    private readonly MemoryBlobStore _source = new();
    private readonly MemoryBlobStore _target = new();
    private readonly MemoryBlobStore _store = new();
    private int _snapshots;

    private BackupArchive Archive => new(_store);

    [Fact]
    public async Task Add_UnchangedBlob_IsNotReadAgain_AChangedOneIs()
    {
        await WriteAsync("a/1", 100);
        var first = (await Archive.AddAsync(_source, "a/1", null))!;
        var unread = new Unreadable(_source);
        Assert.Equal(first, await Archive.AddAsync(unread, "a/1", first));
        await WriteAsync("a/1", 100, fill: 7);
        await Assert.ThrowsAsync<IOException>(() => Archive.AddAsync(unread, "a/1", first));
        Assert.NotEqual(first.Sha256, (await Archive.AddAsync(_source, "a/1", first))!.Sha256);
        Assert.Null(await Archive.AddAsync(_source, "a/2", null));
    }

    [Fact]
    public async Task Add_UnchangedBlobWhoseCopyIsGone_IsCopiedAgain()
    {
        await WriteAsync("a/1", 100);
        var first = (await Archive.AddAsync(_source, "a/1", null))!;
        Assert.True(await _store.DeleteAsync($"objects/{first.Sha256[..2]}/{first.Sha256}"));
        Assert.Equal(first, await Archive.AddAsync(_source, "a/1", first));
        Assert.Empty(await Archive.VerifyAsync(await SnapshotAsync(first)));
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(100, false)]
    public async Task Add_LargeBlobThatChangesBetweenTheTwoReads_IsCopiedWhole_OrNotAtAll(int changes, bool copied)
    {
        const int length = (8 << 20) + 5;
        await WriteAsync("a/large", length);
        var opened = 0;
        var changing = new BeforeOpen(_source, async () =>
        {
            // Every second time is the copying one.
            if (++opened % 2 == 0 && opened <= 2 * changes) await WriteAsync("a/large", length, fill: (byte)opened);
        });
        if (!copied)
        {
            await Assert.ThrowsAsync<GridException>(() => Archive.AddAsync(changing, "a/large", null));
            return;
        }
        var entry = (await Archive.AddAsync(changing, "a/large", null))!;
        Assert.Equal(await _source.Sha256Async("a/large"), entry.Sha256);
        Assert.Empty(await Archive.VerifyAsync(await SnapshotAsync(entry)));
    }

    [Fact]
    public async Task Verify_NamesWhatIsMissingAndWhatIsDamaged()
    {
        var snapshot = await SnapshotAsync(await AddAsync("a/1", 10), await AddAsync("a/2", 11), await AddAsync("a/3", 12));
        string KeyOf(int i) => $"objects/{snapshot.Entries[i].Sha256[..2]}/{snapshot.Entries[i].Sha256}";
        await _store.DeleteAsync(KeyOf(0));
        await _store.WriteBytesAsync(KeyOf(1), new byte[11]);
        var findings = await Archive.VerifyAsync(snapshot);
        Assert.Equal(["a/1", "a/2"], findings.Select(f => f.Where));
        var e = await Assert.ThrowsAsync<GridException>(() => BackupRestore.RunAsync(Archive, snapshot, _target));
        Assert.Equal(ErrorCodes.CorruptCheckpoint, e.Code);
        Assert.Contains("a/2", e.Message);
    }

    [Fact]
    public async Task Restore_WritesWhatIsReferredToFirst_AndRefusesAStoreThatIsNotEmpty()
    {
        var snapshot = await SnapshotAsync(await AddAsync("head", 1), await AddAsync("part", 2));
        var order = new List<string>();
        await BackupRestore.RunAsync(Archive, snapshot, new Watched(_target, order.Add));
        Assert.Equal(["restore/unfinished.json", "part", "head"], order);
        Assert.Equal(["head", "part"], await KeysAsync(_target));
        var e = await Assert.ThrowsAsync<GridException>(() => BackupRestore.RunAsync(Archive, snapshot, _target));
        Assert.Equal(ErrorCodes.AlreadyExists, e.Code);
    }

    [Fact]
    public async Task Restore_KilledAtEveryWrite_KeepsHostsOutAndIsGoneOnWith()
    {
        var snapshot = await SnapshotAsync(await AddAsync("a", 1), await AddAsync("b", 2), await AddAsync("c", 3));
        var other = await SnapshotAsync(await AddAsync("d", 4));
        for (var writes = 1; writes <= 3; writes++)
        {
            var left = writes;
            var target = new MemoryBlobStore();
            var dying = new Watched(target, _ =>
            {
                if (left-- == 0) throw new IOException("killed here");
            });
            await Assert.ThrowsAsync<IOException>(() => BackupRestore.RunAsync(Archive, snapshot, dying));
            await Assert.ThrowsAsync<GridException>(() => BackupRestore.RequireFinishedAsync(target));
            await Assert.ThrowsAsync<GridException>(() => BackupRestore.RunAsync(Archive, other, target));
            await BackupRestore.RunAsync(Archive, snapshot, target);
            await BackupRestore.RequireFinishedAsync(target);
            Assert.Equal(["a", "b", "c"], await KeysAsync(target));
            Assert.Equal(snapshot.Entries[1].Sha256, await target.Sha256Async("b"));
        }
    }

    [Fact]
    public async Task Open_TakesTheNewest_AndRefusesADamagedOne()
    {
        var first = await SnapshotAsync(await AddAsync("a", 1));
        var second = await SnapshotAsync(await AddAsync("b", 2));
        Assert.Equal(second.Id, (await Archive.OpenAsync()).Id);
        Assert.Equal(first.Entries, (await Archive.OpenAsync(first.Id)).Entries);
        var key = $"snapshots/{second.Id}.json";
        var bytes = (await _store.ReadAllBytesAsync(key))!.Value.Bytes;
        bytes[^3] ^= 1;
        await _store.WriteBytesAsync(key, bytes);
        Assert.Equal(ErrorCodes.CorruptCheckpoint, (await Assert.ThrowsAsync<GridException>(() => Archive.OpenAsync())).Code);
        Assert.Equal(ErrorCodes.NotFound, (await Assert.ThrowsAsync<GridException>(() => Archive.OpenAsync("nothing"))).Code);
    }

    [Fact]
    public async Task Keep_RemovesOldSnapshotsAndOnlyTheirObjects()
    {
        var shared = await AddAsync("shared", 1);
        await SnapshotAsync(shared, await AddAsync("old", 2));
        var kept = await SnapshotAsync(shared, await AddAsync("new", 3));
        Assert.Equal(1, await Archive.KeepAsync(1));
        Assert.Equal([kept.Id], await Archive.IdsAsync());
        Assert.Empty(await Archive.VerifyAsync(kept));
    }

    private async Task<BackupEntry> AddAsync(string key, int length)
    {
        await WriteAsync(key, length);
        return (await Archive.AddAsync(_source, key, null))!;
    }

    private Task WriteAsync(string key, int length, byte fill = 1)
    {
        var bytes = new byte[length];
        Array.Fill(bytes, fill);
        return _source.WriteBytesAsync(key, bytes);
    }

    private async Task<BackupSnapshot> SnapshotAsync(params BackupEntry[] entries)
    {
        var at = Start.AddMinutes(++_snapshots);
        var snapshot = new BackupSnapshot(BackupSnapshot.CurrentFormat, BackupArchive.NewId(at), at, entries, [], []);
        await Archive.CommitAsync(snapshot);
        return snapshot;
    }

    private static async Task<List<string>> KeysAsync(IBlobStore store) => await store.ListAsync("").Select(b => b.Key).ToListAsync();

    private sealed class Unreadable(IBlobStore inner) : WrappedBlobStore(inner)
    {
        public override Task<BlobContent?> OpenReadAsync(string key, long offset = 0, long? length = null, CancellationToken cancellation = default) =>
            throw new IOException("it should not be read");
    }

    private sealed class BeforeOpen(IBlobStore inner, Func<Task> action) : WrappedBlobStore(inner)
    {
        public override async Task<BlobContent?> OpenReadAsync(string key, long offset = 0, long? length = null, CancellationToken cancellation = default)
        {
            await action();
            return await base.OpenReadAsync(key, offset, length, cancellation);
        }
    }

    private sealed class Watched(IBlobStore inner, Action<string> onWrite) : WrappedBlobStore(inner)
    {
        public override Task<BlobInfo> WriteAsync(string key, Stream content, WriteCondition condition = default, CancellationToken cancellation = default)
        {
            onWrite(key);
            return base.WriteAsync(key, content, condition, cancellation);
        }
    }
}
