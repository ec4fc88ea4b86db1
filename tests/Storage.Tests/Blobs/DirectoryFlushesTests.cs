namespace FineTuneGrid.Storage.Tests;

public sealed class DirectoryFlushesTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Flush_WhileOneRuns_SharesTheNextOne()
    {
        using var gate = new SemaphoreSlim(0);
        var begun = 0;
        var flushes = new DirectoryFlushes(_ =>
        {
            Interlocked.Increment(ref begun);
            Assert.True(gate.Wait(Limit));
        });
        var first = flushes.FlushAsync("a");
        SpinWait.SpinUntil(() => Volatile.Read(ref begun) == 1, Limit);

        var late = Enumerable.Range(0, 10).Select(_ => flushes.FlushAsync("a")).ToList();
        gate.Release();
        await first.WaitAsync(Limit);
        // The running flush began before those entries were made: it says nothing of them.
        Assert.DoesNotContain(late, t => t.IsCompleted);
        gate.Release();
        await Task.WhenAll(late).WaitAsync(Limit);

        Assert.Equal(2, begun);
        gate.Release();
        await flushes.FlushAsync("a").WaitAsync(Limit);
        Assert.Equal(3, begun);
    }

    [Fact]
    public async Task Flush_OfAnotherDirectory_DoesNotWait()
    {
        using var gate = new SemaphoreSlim(0);
        var flushes = new DirectoryFlushes(path => Assert.True(path != "slow" || gate.Wait(Limit)));
        var slow = flushes.FlushAsync("slow");

        await flushes.FlushAsync("quick").WaitAsync(Limit);

        Assert.False(slow.IsCompleted);
        gate.Release();
        await slow.WaitAsync(Limit);
    }

    [Fact]
    public async Task Flush_ThatFails_FailsForThoseWhoWaitedForItOnly()
    {
        var fail = true;
        var flushes = new DirectoryFlushes(_ =>
        {
            if (fail)
                throw new IOException("gone");
        });

        await Assert.ThrowsAsync<IOException>(() => flushes.FlushAsync("a").WaitAsync(Limit));
        fail = false;
        await flushes.FlushAsync("a").WaitAsync(Limit);
    }

    [Fact]
    public async Task DiskThreads_ManyThatBlock_RunBesideOneAnother()
    {
        using var all = new CountdownEvent(24);
        await Task.WhenAll(Enumerable.Range(0, 24).Select(_ => DiskThreads.RunAsync(() =>
        {
            all.Signal();
            Assert.True(all.Wait(Limit));
        }))).WaitAsync(Limit);
        await Assert.ThrowsAsync<InvalidOperationException>(() => DiskThreads.RunAsync(() => throw new InvalidOperationException("told")));
    }
}
