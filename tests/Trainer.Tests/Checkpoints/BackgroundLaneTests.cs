using FineTuneGrid.Trainer.Training;

namespace FineTuneGrid.Trainer.Tests.Checkpoints;

public sealed class BackgroundLaneTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly BackgroundLane<string> _lane = new("test");
    private readonly TaskCompletionSource<string> _work = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Dispose() => _lane.Dispose();

    [Fact]
    public void Poll_OfWorkUnderWay_TakesNothingAndItsResultOnce()
    {
        Assert.Null(_lane.Poll());
        Begin();

        Assert.Null(_lane.Poll());
        Assert.True(_lane.IsBusy);
        _work.SetResult("done");
        Assert.Equal("done", _lane.Wait(() => { }));

        Assert.False(_lane.IsBusy);
        Assert.Null(_lane.Poll());
        Assert.Null(_lane.Wait(() => { }));
    }

    [Fact]
    public void Begin_BeforeTheLastResultWasTaken_IsRefused()
    {
        Begin();
        _work.SetResult("done");

        Assert.Throws<InvalidOperationException>(Begin);
        Assert.Throws<InvalidOperationException>(() => _lane.Put("other"));

        Assert.Equal("done", _lane.Wait(() => { }));
        _lane.Put("other");
        Assert.Equal("other", _lane.Poll());
    }

    [Fact]
    public void Fault_OfTheWork_IsThrownOnceWhereItIsTaken()
    {
        Begin();
        _work.SetException(new IOException("the disk is gone"));

        Assert.Equal("the disk is gone", Assert.Throws<IOException>(() => _lane.Wait(() => { })).Message);
        Assert.False(_lane.IsBusy);
    }

    [Fact]
    public async Task Wait_WhereTheGuardThrows_LeavesTheWork()
    {
        Begin();
        var waiting = Task.Run(() => _lane.Wait(() => throw new TimeoutException("the lease is over")));

        await Assert.ThrowsAsync<TimeoutException>(() => waiting.WaitAsync(Limit));
        Assert.True(_lane.IsBusy);
        _work.SetResult("done");
        Assert.Equal("done", _lane.Wait(() => { }));
    }

    [Fact]
    public void Work_RunsOnOneThreadOfItsOwn()
    {
        static string Name() => $"{Thread.CurrentThread.Name} {Environment.CurrentManagedThreadId}";
        _lane.Begin(Name);
        var first = _lane.Wait(() => { });
        _lane.Begin(Name);

        Assert.StartsWith("test ", first);
        Assert.Equal(first, _lane.Wait(() => { }));
    }

    private void Begin() => _lane.Begin(() => _work.Task.GetAwaiter().GetResult());
}
