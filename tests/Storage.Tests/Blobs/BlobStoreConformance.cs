using System.Text;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage.Tests;

/// <summary>What every backend must do; the same tests for each.</summary>
public abstract class BlobStoreConformance
{
    protected abstract IBlobStore Store { get; }

    [Fact]
    public async Task Stat_AbsentBlob_IsNull()
    {
        Assert.Null(await Store.StatAsync("jobs/1/head"));
        Assert.Null(await Store.OpenReadAsync("jobs/1/head"));
        Assert.Null(await Store.OpenLocalAsync("jobs/1/head"));
        Assert.False(await Store.DeleteAsync("jobs/1/head"));
    }

    [Fact]
    public async Task Write_ThenRead_GivesTheBytesAndTheSameInfo()
    {
        var bytes = RandomBytes(100_003, seed: 1);
        var before = DateTimeOffset.UtcNow.AddMinutes(-1);

        var written = await Store.WriteAsync("a/b.bin", new DribblingStream(bytes, 4099));

        var (info, read) = (await Store.ReadAllBytesAsync("a/b.bin"))!.Value;
        Assert.Equal(bytes, read);
        Assert.Equal(("a/b.bin", 100_003L, written.ETag), (info.Key, info.Length, info.ETag));
        Assert.InRange(info.Modified, before, DateTimeOffset.UtcNow.AddMinutes(1));
        Assert.Equal(info, await Store.StatAsync("a/b.bin"));
        Assert.Equal(info with { Modified = default }, written with { Modified = default });
    }

    [Fact]
    public async Task Write_LargerThanOneBlock_IsWhole()
    {
        var bytes = RandomBytes((20 << 20) + 7, seed: 2);
        await Store.WriteAsync("large", new DribblingStream(bytes, 1 << 20));
        var (info, read) = (await Store.ReadAllBytesAsync("large"))!.Value;
        Assert.Equal(bytes.Length, info.Length);
        Assert.True(bytes.AsSpan().SequenceEqual(read));
    }

    [Fact]
    public async Task Write_EmptyBlob_Exists()
    {
        await Store.WriteBytesAsync("empty", Array.Empty<byte>());
        Assert.Equal(0, (await Store.StatAsync("empty"))!.Length);
        Assert.Empty((await Store.ReadAllBytesAsync("empty"))!.Value.Bytes);
    }

    [Fact]
    public async Task Write_ContentFailsHalfWay_LeavesTheOldVersion()
    {
        await Store.WriteBytesAsync("k", "old"u8.ToArray());
        await Assert.ThrowsAsync<InvalidDataException>(
            () => Store.WriteAsync("k", new DribblingStream(RandomBytes(9 << 20, 3), 1 << 20, new InvalidDataException("cut"))));
        Assert.Equal("old", await TextOf("k"));
    }

    [Fact]
    public async Task Write_StartsAtThePositionOfTheStream()
    {
        var content = new MemoryStream("abcdef"u8.ToArray()) { Position = 2 };
        await Store.WriteAsync("k", content);
        Assert.Equal("cdef", await TextOf("k"));
    }

    [Theory]
    [InlineData(0, null, "0123456789")]
    [InlineData(3, null, "3456789")]
    [InlineData(3, 4L, "3456")]
    [InlineData(8, 100L, "89")]
    [InlineData(10, null, "")]
    [InlineData(10, 5L, "")]
    [InlineData(4, 0L, "")]
    public async Task Read_Range_GivesThatPartAndTheWholeLength(long offset, long? length, string expected)
    {
        await Store.WriteBytesAsync("digits", "0123456789"u8.ToArray());
        await using var content = (await Store.OpenReadAsync("digits", offset, length))!;
        Assert.Equal(expected, await new StreamReader(content.Stream).ReadToEndAsync());
        Assert.Equal(10, content.Info.Length);
    }

    [Theory]
    [InlineData(11, null)]
    [InlineData(11, 0L)]
    [InlineData(-1, null)]
    [InlineData(0, -1L)]
    public async Task Read_RangeOutside_IsRefused(long offset, long? length)
    {
        await Store.WriteBytesAsync("digits", "0123456789"u8.ToArray());
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Store.OpenReadAsync("digits", offset, length));
    }

    [Fact]
    public async Task Write_IfAbsent_WinsOnlyOnce()
    {
        var first = await Store.WriteBytesAsync("k", "1"u8.ToArray(), WriteCondition.IfAbsent);
        var conflict = await Assert.ThrowsAsync<BlobConflictException>(() => Store.WriteBytesAsync("k", "2"u8.ToArray(), WriteCondition.IfAbsent));
        Assert.Equal(("k", first.ETag), (conflict.Key, conflict.CurrentETag));
        Assert.Equal("1", await TextOf("k"));
    }

    [Fact]
    public async Task Write_IfMatch_NeedsTheCurrentVersion()
    {
        var first = await Store.WriteBytesAsync("k", "1"u8.ToArray());
        var second = await Store.WriteBytesAsync("k", "2"u8.ToArray(), WriteCondition.IfMatch(first.ETag));
        await Assert.ThrowsAsync<BlobConflictException>(() => Store.WriteBytesAsync("k", "3"u8.ToArray(), WriteCondition.IfMatch(first.ETag)));
        await Store.WriteBytesAsync("k", "4"u8.ToArray(), WriteCondition.Replacing(second));
        Assert.Equal("4", await TextOf("k"));
    }

    [Fact]
    public async Task Write_IfMatchOfAbsentBlob_IsAConflict()
    {
        var gone = await Store.WriteBytesAsync("k", "1"u8.ToArray());
        await Store.DeleteAsync("k");
        await Assert.ThrowsAsync<BlobConflictException>(() => Store.WriteBytesAsync("k", "2"u8.ToArray(), WriteCondition.IfMatch(gone.ETag)));
        Assert.Null(await Store.StatAsync("k"));
    }

    [Fact]
    public async Task ETag_SameBytesOrWrittenAnewAfterDeletion_StillChanges()
    {
        var seen = new HashSet<string>();
        for (var i = 0; i < 4; i++)
        {
            Assert.True(seen.Add((await Store.WriteBytesAsync("k", "same"u8.ToArray())).ETag));
            Assert.True(seen.Add((await Store.WriteBytesAsync("k", "same"u8.ToArray())).ETag));
            Assert.True(await Store.DeleteAsync("k"));
        }
    }

    [Fact]
    public async Task Delete_IfMatch_NeedsTheCurrentVersion()
    {
        var first = await Store.WriteBytesAsync("k", "1"u8.ToArray());
        var second = await Store.WriteBytesAsync("k", "2"u8.ToArray());
        await Assert.ThrowsAsync<BlobConflictException>(() => Store.DeleteAsync("k", first.ETag));
        Assert.True(await Store.DeleteAsync("k", second.ETag));
        Assert.Null(await Store.StatAsync("k"));
        Assert.False(await Store.DeleteAsync("k", second.ETag));
    }

    [Fact]
    public async Task OpenRead_BlobReplacedOrDeletedMeanwhile_StillGivesTheVersionOpened()
    {
        var old = RandomBytes(300_000, seed: 4);
        await Store.WriteBytesAsync("k", old);
        using var local = (await Store.OpenLocalAsync("k"))!;
        await Store.WriteBytesAsync("k", RandomBytes(300_000, seed: 5));
        await Store.DeleteAsync("k");
        var read = new byte[old.Length];
        Assert.Equal(old.Length, RandomAccess.Read(local.Handle, read, 0));
        Assert.Equal(old, read);
    }

    [Fact]
    public async Task OpenLocal_Twice_GivesAReadableFileOfThatVersion()
    {
        var bytes = RandomBytes(70_000, seed: 6);
        var info = await Store.WriteBytesAsync("models/1/model.safetensors", bytes);
        for (var i = 0; i < 2; i++)
        {
            using var local = (await Store.OpenLocalAsync("models/1/model.safetensors"))!;
            Assert.Equal(info.ETag, local.Info.ETag);
            Assert.Equal(bytes, await File.ReadAllBytesAsync(local.Path));
        }
    }

    [Fact]
    public async Task List_Prefix_GivesMatchingKeysInOrdinalOrder()
    {
        string[] keys = ["a/b", "a/b-1", "a/b/c", "a/b.d", "a/b0", "a/B", "a.b", "b/a", "ab/x"];
        foreach (var key in keys)
            await Store.WriteBytesAsync(key, Encoding.UTF8.GetBytes(key));

        Assert.Equal(keys.Order(StringComparer.Ordinal), await KeysOf(""));
        Assert.Equal(keys.Where(k => k.StartsWith("a/", StringComparison.Ordinal)).Order(StringComparer.Ordinal), await KeysOf("a/"));
        Assert.Equal(["a/b", "a/b-1", "a/b.d", "a/b/c", "a/b0"], await KeysOf("a/b"));
        Assert.Equal(["a/b.d"], await KeysOf("a/b."));
        Assert.Equal(["a/b/c"], await KeysOf("a/b/"));
        Assert.Empty(await KeysOf("none/"));
        var listed = await Store.ListAsync("a/b/c").SingleAsync();
        Assert.Equal(await Store.StatAsync("a/b/c"), listed);
    }

    [Fact]
    public async Task List_AfterDeletion_ForgetsTheKey()
    {
        await Store.WriteBytesAsync("x/1", new byte[1]);
        await Store.WriteBytesAsync("x/2", new byte[1]);
        await Store.DeleteAsync("x/1");
        Assert.Equal(["x/2"], await KeysOf("x/"));
        await Store.DeleteAsync("x/2");
        Assert.Empty(await KeysOf(""));
        await Store.WriteBytesAsync("x/1", new byte[1]);
        Assert.Equal(["x/1"], await KeysOf("x/"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/a")]
    [InlineData("a/")]
    [InlineData("a//b")]
    [InlineData("../a")]
    [InlineData("a/../b")]
    [InlineData("a/./b")]
    [InlineData("a/..b")]
    [InlineData("a.")]
    [InlineData("a@b")]
    [InlineData("a b")]
    [InlineData("a\\b")]
    [InlineData("a\0b")]
    [InlineData("ä")]
    public async Task Key_AgainstTheRule_IsRefusedEverywhere(string key)
    {
        await Assert.ThrowsAsync<ArgumentException>(async () => await Store.StatAsync(key));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.OpenReadAsync(key));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.WriteBytesAsync(key, new byte[1]));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.DeleteAsync(key));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.OpenLocalAsync(key));
    }

    [Fact]
    public async Task Write_ManyAtOnceWithCompareAndSwap_LosesNoUpdate()
    {
        const int Writers = 8;
        const int Each = 5;
        var conflicts = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, Writers), new ParallelOptions { MaxDegreeOfParallelism = Writers }, async (_, ct) =>
        {
            for (var done = 0; done < Each;)
            {
                var read = await Store.ReadJsonAsync<int>("counter", cancellation: ct);
                try
                {
                    await Store.WriteJsonAsync("counter", (read?.Value ?? 0) + 1, WriteCondition.Replacing(read?.Info), cancellation: ct);
                    done++;
                }
                catch (BlobConflictException)
                {
                    Interlocked.Increment(ref conflicts);
                }
            }
        });
        Assert.Equal(Writers * Each, (await Store.ReadJsonAsync<int>("counter"))!.Value.Value);
    }

    [Fact]
    public async Task Write_TwoLargeAtOnce_PublishesOneOfThemUnmixed()
    {
        const int Length = (17 << 20) + 5;
        byte[][] contents = [RandomBytes(Length, seed: 8), RandomBytes(Length, seed: 9)];
        var results = await Task.WhenAll(contents.Select(async bytes =>
        {
            try
            {
                return await Store.WriteAsync("large", new DribblingStream(bytes, 1 << 18), WriteCondition.IfAbsent);
            }
            catch (BlobConflictException)
            {
                return null;
            }
        }));
        var winner = Assert.Single(results, r => r is not null)!;
        var (info, read) = (await Store.ReadAllBytesAsync("large"))!.Value;
        Assert.Equal(winner.ETag, info.ETag);
        Assert.True(read.AsSpan().SequenceEqual(contents[Array.IndexOf(results, winner)]));
    }

    [Fact]
    public async Task Upload_InPieces_GoesOnAfterAnInterruptionAndCommitsOnce()
    {
        var bytes = RandomBytes(50_000, seed: 7);
        var upload = new ResumableUpload(Store, "datasets/1/uploads/0");
        Assert.Equal(0, await upload.ReceivedAsync());
        Assert.Equal(20_000, await upload.AppendAsync(0, new MemoryStream(bytes, 0, 20_000)));
        await Assert.ThrowsAsync<InvalidDataException>(
            () => upload.AppendAsync(20_000, new DribblingStream(bytes[20_000..30_000], 999, new InvalidDataException("cut"))));

        var resumed = new ResumableUpload(Store, "datasets/1/uploads/0");
        Assert.Equal(20_000, await resumed.ReceivedAsync());
        var wrong = await Assert.ThrowsAsync<GridException>(() => resumed.AppendAsync(10_000, new MemoryStream(bytes, 10_000, 40_000)));
        Assert.Equal(ErrorCodes.Conflict, wrong.Code);
        Assert.Contains("20000", wrong.Message);
        var early = await Assert.ThrowsAsync<GridException>(() => resumed.CommitAsync("datasets/1/source/0", bytes.Length));
        Assert.Equal(ErrorCodes.Conflict, early.Code);
        Assert.Equal(50_000, await resumed.AppendAsync(20_000, new MemoryStream(bytes, 20_000, 30_000)));

        var bad = await Assert.ThrowsAsync<GridException>(() => resumed.CommitAsync("datasets/1/source/0", bytes.Length, new string('0', 64)));
        Assert.Equal(ErrorCodes.DigestMismatch, bad.Code);
        Assert.Null(await Store.StatAsync("datasets/1/source/0"));

        var digest = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes));
        await resumed.CommitAsync("datasets/1/source/0", bytes.Length, digest, WriteCondition.IfAbsent);
        Assert.Equal(digest, await Store.Sha256Async("datasets/1/source/0"));
        Assert.Equal(["datasets/1/source/0"], await KeysOf("datasets/"));
    }

    [Fact]
    public async Task ReadJson_OtherContent_IsATypedError()
    {
        await Store.WriteBytesAsync("k", "{\"a\":"u8.ToArray());
        var e = await Assert.ThrowsAsync<GridException>(() => Store.ReadJsonAsync<Dictionary<string, int>>("k"));
        Assert.Equal(ErrorCodes.InvalidJson, e.Code);
        Assert.Contains("'k'", e.Message);
    }

    [Fact]
    public async Task ReadAllBytes_AboveTheLimit_IsRefused()
    {
        await Store.WriteBytesAsync("k", new byte[11]);
        var e = await Assert.ThrowsAsync<GridException>(() => Store.ReadAllBytesAsync("k", maxBytes: 10));
        Assert.Equal(ErrorCodes.TooLarge, e.Code);
    }

    protected static byte[] RandomBytes(int count, int seed)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    protected async Task<string> TextOf(string key) => Encoding.UTF8.GetString((await Store.ReadAllBytesAsync(key))!.Value.Bytes);

    private async Task<List<string>> KeysOf(string prefix) => await Store.ListAsync(prefix).Select(b => b.Key).ToListAsync();
}
