using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage.Tests;

/// <summary>What is particular to the local disk: the rules of its compare-and-swap one by one, full disks, what is left over.</summary>
public sealed class LocalBlobStoreTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly LocalBlobStore _store;

    public LocalBlobStoreTests() => _store = new LocalBlobStore(_folder.Path);

    [Fact]
    public async Task Publish_WriterSleptWhileItsVersionCameAndWent_IsSentBack()
    {
        await _store.WriteBytesAsync("k", "1"u8.ToArray());
        var staged = Stage("late");
        using var directory = VersionDirectory.TryOpen(KeyDirectory("k"))!;
        var ticket = directory.TryPlaceTicket(staged)!;
        using var seen = directory.OpenCurrent()!.Value;
        await _store.WriteBytesAsync("k", "2"u8.ToArray());
        await _store.WriteBytesAsync("k", "3"u8.ToArray());

        Assert.Equal(PublishResult.TryAgain, directory.TryPublish(ticket, seen.Version + 1));

        Assert.Equal("3"u8.ToArray(), (await _store.ReadAllBytesAsync("k"))!.Value.Bytes);
        // Without its ticket the late writer would have "won" a version that is long past: the name is free again.
        using var raw = Posix.OpenDirectory(KeyDirectory("k"), out _)!;
        Assert.Equal(0, Posix.LinkInto(staged, raw, VersionDirectory.NameOf(seen.Version + 1)));
    }

    [Fact]
    public async Task Publish_KeyDeletedAndWrittenAnewMeanwhile_CannotReachTheNewOne()
    {
        await _store.WriteBytesAsync("k", "1"u8.ToArray());
        using var directory = VersionDirectory.TryOpen(KeyDirectory("k"))!;
        var ticket = directory.TryPlaceTicket(Stage("late"))!;
        using var seen = directory.OpenCurrent()!.Value;
        await _store.DeleteAsync("k");
        await _store.WriteBytesAsync("k", "new"u8.ToArray());

        Assert.Equal(PublishResult.TryAgain, directory.TryPublish(ticket, seen.Version + 1));
        Assert.Null(directory.TryPlaceTicket(Stage("later")));
        Assert.Null(directory.OpenCurrent());
        Assert.Equal("new"u8.ToArray(), (await _store.ReadAllBytesAsync("k"))!.Value.Bytes);
    }

    [Fact]
    public async Task Publish_SecondOfTwoOnTheSameVersion_IsLost()
    {
        await _store.WriteBytesAsync("k", "1"u8.ToArray());
        using var directory = VersionDirectory.TryOpen(KeyDirectory("k"))!;
        var (first, second) = (directory.TryPlaceTicket(Stage("a"))!, directory.TryPlaceTicket(Stage("b"))!);
        using var seen = directory.OpenCurrent()!.Value;
        Assert.Equal(PublishResult.Published, directory.TryPublish(first, seen.Version + 1));
        Assert.Equal(PublishResult.Lost, directory.TryPublish(second, seen.Version + 1));
        Assert.Equal("a"u8.ToArray(), (await _store.ReadAllBytesAsync("k"))!.Value.Bytes);
    }

    [Fact]
    public async Task Purge_SomeoneWroteOverTheTombstone_LeavesTheNewVersion()
    {
        await _store.WriteBytesAsync("k", "1"u8.ToArray());
        using var deleter = VersionDirectory.TryOpen(KeyDirectory("k"))!;
        var tombstone = deleter.TryPlaceTombstoneTicket()!;
        using var seen = deleter.OpenCurrent()!.Value;
        Assert.Equal(PublishResult.Published, deleter.TryPublish(tombstone, seen.Version + 1));
        Assert.Null(await _store.StatAsync("k"));
        Assert.Empty(await _store.ListAsync("").ToListAsync());
        await _store.WriteBytesAsync("k", "new"u8.ToArray(), WriteCondition.IfAbsent);

        deleter.Purge(seen.Version + 1);

        Assert.Equal("new"u8.ToArray(), (await _store.ReadAllBytesAsync("k"))!.Value.Bytes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Write_RestsOfAnInterruptedDeletion_AreNoObstacle(bool withTicket)
    {
        Directory.CreateDirectory(KeyDirectory("k"));
        if (withTicket)
            await File.WriteAllTextAsync(Path.Combine(KeyDirectory("k"), "t-dead"), "rest");
        Assert.Null(await _store.StatAsync("k"));
        await _store.WriteBytesAsync("k", "1"u8.ToArray(), WriteCondition.IfAbsent);
        Assert.Equal("1"u8.ToArray(), (await _store.ReadAllBytesAsync("k"))!.Value.Bytes);
    }

    [Fact]
    public async Task WriteAndDelete_LeaveNothingBehind()
    {
        for (var i = 0; i < 5; i++)
            await _store.WriteBytesAsync("a/b/c", new byte[10]);
        Assert.Single(Directory.GetFiles(KeyDirectory("a/b/c")));
        await _store.DeleteAsync("a/b/c");
        _store.Dispose();
        Assert.Equal([Path.Combine(_folder.Path, "@staging")], Directory.GetFileSystemEntries(_folder.Path));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_folder.Path, "@staging")));
    }

    [Fact]
    public async Task WriteDeleteAndRead_ManyAtOnce_SeeWholeVersionsOnly()
    {
        var contents = Enumerable.Range(1, 6).Select(i => Workers.SelfProving(i)).ToArray();
        var reads = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, 6), new ParallelOptions { MaxDegreeOfParallelism = 6 }, async (worker, ct) =>
        {
            for (var i = 0; i < 40; i++)
            {
                switch ((worker + i) % 3)
                {
                    case 0:
                        await _store.WriteBytesAsync("x/k", contents[worker], cancellation: ct);
                        break;
                    case 1 when worker % 2 == 0:
                        await _store.DeleteAsync("x/k", cancellation: ct);
                        break;
                    default:
                        // Throws where the bytes are not whole.
                        if (await Workers.ReadNumberAsync(_store, "x/k") != 0)
                            Interlocked.Increment(ref reads);
                        break;
                }
            }
        });
        Assert.NotEqual(0, reads);
    }

    [Fact]
    public async Task Write_NewKeyByManyAtOnce_IsMadeOnceAndWhole()
    {
        for (var round = 0; round < 20; round++)
        {
            var key = $"new/{round}";
            var made = await Task.WhenAll(Enumerable.Range(1, 8).Select(i => Task.Run(() => TryMakeAsync(key, i))));
            var number = Assert.Single(made, i => i != 0);
            Assert.Equal(number, await Workers.ReadNumberAsync(_store, key));
        }
        Assert.Empty(Directory.GetFileSystemEntries(StagingFolder()));

        async Task<int> TryMakeAsync(string key, int number)
        {
            try
            {
                await _store.WriteBytesAsync(key, Workers.SelfProving(number), WriteCondition.IfAbsent);
                return number;
            }
            catch (BlobConflictException)
            {
                return 0;
            }
        }
    }

    [Fact]
    public async Task Write_EmptyBlobsTogether_ShareAFileAndNothingElse()
    {
        var written = new List<BlobInfo>();
        foreach (var key in new[] { "marks/a", "marks/b", "marks/c" })
            written.Add(await _store.WriteBytesAsync(key, default, WriteCondition.IfAbsent));
        await _store.WriteBytesAsync("marks/a", "grown"u8.ToArray(), WriteCondition.IfMatch(written[0].ETag));
        Assert.True(await _store.DeleteAsync("marks/b"));
        Assert.Equal("grown"u8.ToArray(), (await _store.ReadAllBytesAsync("marks/a"))!.Value.Bytes);
        Assert.Null(await _store.StatAsync("marks/b"));
        Assert.Equal(written[2], await _store.StatAsync("marks/c"));
        Assert.All(written, w => Assert.InRange(w.Modified, DateTimeOffset.UtcNow.AddSeconds(-30), DateTimeOffset.UtcNow.AddSeconds(1)));
    }

    [Fact]
    public async Task Write_EmptyBlobAfterItsSharedFileWasTakenAway_IsMadeAnew()
    {
        await _store.WriteBytesAsync("marks/a", default);
        foreach (var file in Directory.GetFiles(StagingFolder()))
            File.Delete(file);
        await _store.WriteBytesAsync("marks/b", default);
        Assert.Equal(["marks/a", "marks/b"], await _store.ListAsync("marks/").Select(b => b.Key).ToListAsync());
    }

    private string StagingFolder() => Assert.Single(Directory.GetDirectories(Path.Combine(_folder.Path, "@staging")));

    [Fact]
    public async Task Write_DiskFull_NamesTheDirectoryAndKeepsTheOldVersion()
    {
        await _store.WriteBytesAsync("k", "old"u8.ToArray());
        using var full = new LocalBlobStore(_folder.Path, file => new FullDisk(file));
        var e = await Assert.ThrowsAsync<GridException>(() => full.WriteBytesAsync("k", new byte[1000]));
        Assert.Equal(ErrorCodes.InsufficientStorage, e.Code);
        Assert.Contains(_folder.Path, e.Message);
        Assert.Equal("old"u8.ToArray(), (await _store.ReadAllBytesAsync("k"))!.Value.Bytes);
    }

    [FactIfMountable]
    public async Task Write_SmallRealDiskFull_IsTypedAndDeletingHelps()
    {
        using var disk = new SmallDisk(_folder.File("disk"), "2m");
        using var store = new LocalBlobStore(Path.Combine(disk.Path, "blobs"));
        await store.WriteBytesAsync("a", new byte[1_000_000]);
        await store.WriteBytesAsync("small", "kept"u8.ToArray());
        for (var i = 0; i < 3; i++)
        {
            var e = await Assert.ThrowsAsync<GridException>(() => store.WriteBytesAsync("b", new byte[2_000_000]));
            Assert.Equal(ErrorCodes.InsufficientStorage, e.Code);
            Assert.Contains(disk.Path, e.Message);
        }
        Assert.Equal("kept"u8.ToArray(), (await store.ReadAllBytesAsync("small"))!.Value.Bytes);
        Assert.Null(await store.StatAsync("b"));
        Assert.True(await store.DeleteAsync("a"));
        await store.WriteBytesAsync("b", new byte[1_500_000]);
    }

    [Fact]
    public async Task Write_DirectoryCannotBeMade_NamesItAndTheField()
    {
        await File.WriteAllTextAsync(_folder.File("file"), "");
        using var store = new LocalBlobStore(Path.Combine(_folder.File("file"), "blobs"));
        var e = await Assert.ThrowsAsync<GridException>(() => store.WriteBytesAsync("k", new byte[1]));
        Assert.Equal((ErrorCodes.InvalidValue, "data"), (e.Code, e.Field));
        Assert.Contains(_folder.File("file"), e.Message);
    }

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    private string KeyDirectory(string key) => Path.Combine(_folder.Path, key) + "@";

    private string Stage(string text)
    {
        var path = _folder.File("@" + Guid.NewGuid().ToString("N"));
        File.WriteAllText(path, text);
        return path;
    }

    private sealed class FullDisk(Stream inner) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => inner.Length;

        public override long Position
        {
            get => inner.Position;
            set => throw new NotSupportedException();
        }

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new IOException("No space left on device", Posix.Enospc);

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
