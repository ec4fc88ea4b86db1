namespace FineTuneGrid.Storage.Tests;

/// <summary>Real processes, killed or stopped at random moments, on one directory.</summary>
public sealed class KillTests : IDisposable
{
    private readonly TempFolder _folder = new();

    [Fact]
    public Task Checkpoints_KilledTwentyTimes_RestoreWhatWasAcknowledged() => KillCheckpointsAsync(20, seed: 1);

    [Fact]
    [Trait("Category", "Slow")]
    public Task Checkpoints_KilledTwoHundredTimes_RestoreWhatWasAcknowledged() => KillCheckpointsAsync(200, seed: 2);

    [Fact]
    public Task Rewrites_KilledTenTimes_AreWholeAndNotLost() => KillRewritesAsync(10, seed: 3);

    [Fact]
    [Trait("Category", "Slow")]
    public Task Rewrites_KilledTwoHundredTimes_AreWholeAndNotLost() => KillRewritesAsync(200, seed: 4);

    [Fact]
    public Task NewKeys_KilledTenTimes_AreWholeAndNotLost() => KillCreatorsAsync(10, seed: 6);

    [Fact]
    [Trait("Category", "Slow")]
    public Task NewKeys_KilledTwoHundredTimes_AreWholeAndNotLost() => KillCreatorsAsync(200, seed: 7);

    [Fact]
    public async Task CompareAndSwap_FourProcesses_LoseNoUpdate()
    {
        const int Each = 30;
        var children = Enumerable.Range(0, 4).Select(_ => new ChildProcess("increment", _folder.Path, "counter", $"{Each}")).ToList();
        foreach (var child in children)
        {
            await child.SucceedAsync();
            child.Dispose();
        }
        using var store = new LocalBlobStore(_folder.Path);
        Assert.Equal(4 * Each, (await store.ReadJsonAsync<int>("counter"))!.Value.Value);
    }

    [Fact]
    public async Task CompareAndSwap_OtherProcessStoppedAtRandomMoments_IsNeverWaitedFor()
    {
        const int Rounds = 12;
        const int Own = 5;
        const int Childs = 3000;
        var random = new Random(5);
        using var store = new LocalBlobStore(_folder.Path);
        using var child = new ChildProcess("increment", _folder.Path, "counter", $"{Childs}");
        var rounds = 0;
        for (; rounds < Rounds; rounds++)
        {
            await child.NextLineAsync();
            await Task.Delay(TimeSpan.FromMilliseconds(random.NextDouble() * 8));
            // On a busy machine it may be done before all rounds are.
            if (!child.TrySuspend()) break;
            try
            {
                for (var i = 0; i < Own; i++)
                    await Workers.IncrementOnceAsync(store, "counter").WaitAsync(TimeSpan.FromSeconds(20));
            }
            finally
            {
                child.Resume();
            }
        }
        await child.SucceedAsync();
        Assert.InRange(rounds, 3, Rounds);
        Assert.Equal(Childs + rounds * Own, (await store.ReadJsonAsync<int>("counter"))!.Value.Value);
    }

    public void Dispose() => _folder.Dispose();

    private async Task KillCheckpointsAsync(int kills, int seed)
    {
        using (var writers = new WriterKills(_folder.Path, seed))
        {
            for (var i = 0; i < kills; i++)
                Assert.Null((await writers.NextAsync()).Violation);
            Assert.True((await writers.NextAsync()).Restored > 0, "no writer came to commit anything");
        }
        using var blobs = new LocalBlobStore(_folder.Path);
        await AssertNoRestsAsync(blobs);
    }

    private async Task KillRewritesAsync(int kills, int seed)
    {
        var random = new Random(seed);
        using var store = new LocalBlobStore(_folder.Path);
        for (var i = 0; i < kills; i++)
        {
            var acknowledged = await RunAndKillAsync(random, "rewrite", _folder.Path, "blob");
            Assert.InRange(await Workers.ReadNumberAsync(store, "blob"), acknowledged, acknowledged + 1);
        }
        await AssertNoRestsAsync(store);
    }

    private async Task KillCreatorsAsync(int kills, int seed)
    {
        var random = new Random(seed);
        using var store = new LocalBlobStore(_folder.Path);
        for (var i = 0; i < kills; i++)
        {
            var acknowledged = await RunAndKillAsync(random, "create", _folder.Path, "new");
            var blobs = await Workers.CountAsync(store, "new/blobs/");
            Assert.InRange(blobs, acknowledged, acknowledged + 1);
            Assert.InRange(await Workers.CountAsync(store, "new/marks/"), blobs, blobs + 1);
        }
        for (var number = await Workers.CountAsync(store, "new/blobs/"); number > 0; number--)
        {
            Assert.Equal(number, await Workers.ReadNumberAsync(store, $"new/blobs/{number}"));
            Assert.Equal(0, (await store.StatAsync($"new/marks/{number}"))?.Length);
        }
        await AssertNoRestsAsync(store);
    }

    private static async Task<long> RunAndKillAsync(Random random, params string[] args)
    {
        using var child = new ChildProcess(args);
        for (var lines = random.Next(1, 6); lines > 0; lines--)
            await child.NextLineAsync();
        // Not to wait for anything: to hit any moment of the next write.
        await Task.Delay(TimeSpan.FromMilliseconds(random.NextDouble() * 15));
        await child.KillAsync();
        return child.LastAcknowledged;
    }

    /// <summary>What the dead left behind is gone after the next ones came and wrote.</summary>
    private async Task AssertNoRestsAsync(LocalBlobStore store)
    {
        using (var next = new LocalBlobStore(_folder.Path))
            await next.WriteBytesAsync("last", new byte[1]);
        await store.DeleteAsync("last");
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_folder.Path, "@staging")));
    }
}
