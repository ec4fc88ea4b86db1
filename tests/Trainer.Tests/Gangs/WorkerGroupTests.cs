using FineTuneGrid.Contracts;
using FineTuneGrid.Native;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Tests.Gangs;

/// <summary>The collectives themselves, between threads of this process.</summary>
public sealed class WorkerGroupTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public void Library_IsThereAndFitsTheLibtorch() => Assert.Null(GridNative.Misfit);

    [Fact]
    public async Task AllGather_GivesEveryonesValuesInOrder() =>
        Assert.All(await EachAsync(3, (group, rank) =>
        {
            using var all = zeros([6]);
            using var mine = tensor(new[] { rank + 0.25f, rank + 0.5f });
            group.AllGather(all, mine);
            return all.data<float>().ToArray();
        }), all => Assert.Equal([0.25f, 0.5f, 1.25f, 1.5f, 2.25f, 2.5f], all));

    [Fact]
    public async Task AllToAll_WithUnequalCounts_SendsEachItsPart()
    {
        // Worker 1 sends one element to worker 0 and two to worker 1; worker 0 sends nothing to itself and three to worker 1.
        var results = await EachAsync(2, (group, rank) =>
        {
            using var sent = rank == 0 ? tensor(new[] { 1f, 2f, 3f }) : tensor(new[] { 4f, 5f, 6f });
            using var received = zeros([rank == 0 ? 1 : 5]);
            group.AllToAll(received, rank == 0 ? [0, 1] : [3, 2], sent, rank == 0 ? [0, 3] : [1, 2]);
            return received.data<float>().ToArray();
        });

        Assert.Equal([4f], results[0]);
        Assert.Equal([1f, 2f, 3f, 5f, 6f], results[1]);
    }

    [Fact]
    public async Task AllReduceAndBroadcast_ReachEveryone() =>
        Assert.All(await EachAsync(3, (group, rank) =>
        {
            using var sum = tensor(new[] { 1f + rank, 10f });
            group.AllReduce(sum);
            using var value = tensor(new[] { (double)rank });
            group.Broadcast(value, 2);
            group.Barrier();
            return (sum.data<float>().ToArray(), value.data<double>()[0]);
        }), got =>
        {
            Assert.Equal([6f, 30f], got.Item1);
            Assert.Equal(2.0, got.Item2);
        });

    [Fact]
    public async Task Collectives_UnderWayTogether_AreWaitedForInAnyOrder() =>
        Assert.All(await EachAsync(2, (group, rank) =>
        {
            using var sum = tensor(new[] { 1f + rank });
            using var all = zeros([2]);
            using var mine = tensor(new[] { rank + 0.5f });
            var (reduced, gathered) = (group.BeginAllReduce(sum), group.BeginAllGather(all, mine));
            group.Wait(gathered);
            group.Wait(reduced);
            return (sum.data<float>()[0], all.data<float>().ToArray());
        }), got =>
        {
            Assert.Equal(3f, got.Item1);
            Assert.Equal([0.5f, 1.5f], got.Item2);
        });

    [Fact]
    public async Task Dispose_WithACollectiveUnderWay_DoesNotWaitForIt()
    {
        var ended = await EachAsync(2, (group, rank) =>
        {
            // Worker 1 never joins it.
            if (rank == 0) group.BeginAllReduce(zeros([1]));
            return rank;
        });

        Assert.Equal([0, 1], ended);
    }

    [Fact]
    public async Task Collective_WithTooSmallAnOutput_IsRefusedOnThatWorker()
    {
        var errors = await EachAsync(1, (group, _) =>
        {
            using var all = zeros([1]);
            using var mine = zeros([2]);
            return Assert.Throws<GridException>(() => group.AllGather(all, mine));
        });

        Assert.Equal(ErrorCodes.GangBroken, errors[0].Code);
        Assert.Contains("all_gather", errors[0].Message);
    }

    [Fact]
    public void Gather_OfAnotherAttempt_WaitsInVain()
    {
        using var first = WorkerGroup.Open(new GroupMembership("job/2/", 0, 2, "127.0.0.1", 0, "127.0.0.1"), Limit, Limit, () => { });
        using var stale = WorkerGroup.Open(new GroupMembership("job/1/", 1, 2, "127.0.0.1", first.Port, "127.0.0.1"), Limit, Limit, () => { });
        using var fresh = WorkerGroup.Open(new GroupMembership("job/2/", 1, 2, "127.0.0.1", first.Port, "127.0.0.1"), Limit, Limit, () => { });

        Assert.False(stale.Gather(TimeSpan.Zero));
        Assert.False(first.Gather(TimeSpan.Zero));
        Assert.True(fresh.Gather(TimeSpan.Zero));
        Assert.True(first.Gather(TimeSpan.Zero));
        Assert.False(stale.Gather(TimeSpan.FromMilliseconds(50)));
    }

    [Fact]
    public void Open_WhereNobodyListens_SaysWhere()
    {
        var membership = new GroupMembership("job/1/", 1, 2, "127.0.0.1", 1, "127.0.0.1");

        var e = Assert.Throws<GridException>(() => WorkerGroup.Open(membership, TimeSpan.FromSeconds(1), Limit, () => { }));

        Assert.Equal(ErrorCodes.GangBroken, e.Code);
        Assert.Contains("127.0.0.1:1", e.Message);
    }

    [Fact]
    public async Task Wait_WhereTheGuardThrows_EndsWithItsException()
    {
        var results = await EachAsync(2, (group, rank) =>
        {
            using var value = zeros([1]);
            // Worker 1 never joins the broadcast: it waits for a barrier that nobody else enters.
            return Assert.Throws<TimeoutException>(() =>
            {
                if (rank == 0) group.AllReduce(value);
                else group.Barrier();
            });
        }, between: () => throw new TimeoutException("over"));

        Assert.Equal(2, results.Length);
    }

    private static Task<T[]> EachAsync<T>(int size, Func<WorkerGroup, int, T> work, Action? between = null)
    {
        var port = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<T> Run(int rank) => Task.Factory.StartNew(() =>
        {
            var membership = new GroupMembership("job/1/", rank, size, "127.0.0.1", rank == 0 ? 0 : port.Task.GetAwaiter().GetResult(), "127.0.0.1");
            using var group = WorkerGroup.Open(membership, Limit, Limit, between ?? (() => { }));
            if (rank == 0) port.SetResult(group.Port);
            Assert.True(group.Gather(Limit));
            group.Connect(Limit);
            return work(group, rank);
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return Task.WhenAll(Enumerable.Range(0, size).Select(Run)).WaitAsync(TimeSpan.FromMinutes(2));
    }
}
