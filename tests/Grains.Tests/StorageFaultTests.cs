using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Grains.Tests.Support;

namespace FineTuneGrid.Grains.Tests;

/// <summary>Grain state whose writes fail: nothing accepted is lost, nothing happens twice.</summary>
public sealed class StorageFaultTests
{
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(50);

    [Theory]
    [InlineData("Before", 3)]
    [InlineData("After", 3)]
    [InlineData("Before", 7)]
    [InlineData("After", 7)]
    public async Task WholeLife_WithFailingWrites_RegistersOnce(string kind, int everyNth)
    {
        var fault = Enum.Parse<FaultyBlobStore.Fault>(kind);
        FaultyBlobStore store = null!;
        await using var grid = await TestGrid.StartAsync(wrap: inner => store = new FaultyBlobStore(inner));
        await grid.AddModelAsync();
        await grid.AddDatasetAsync();
        await using var agent = await FakeAgent.StartAsync(grid);
        store.Plan = (key, write) => write % everyNth == 0 && (key.Contains("/job/") || key.Contains("/adapter/")) ? fault : FaultyBlobStore.Fault.None;

        var job = grid.NewJob();
        await UntilDoneAsync(() => job.Submit(TestGrid.Submission()));
        var start = await agent.NextAsync<StartJob>();
        var done = false;
        while (!done)
        {
            // As an agent does: what was not acknowledged is told again, under the job's present order.
            await UntilDoneAsync(() => agent.AttachedAsync(start));
            await UntilDoneAsync(() => agent.StepsAsync(start, 1, 10));
            await UntilDoneAsync(() => agent.FinishedAsync(start));
            var view = await TestGrid.ReachesAsync(job, JobStatus.Succeeded, JobStatus.Starting);
            done = view.Status == JobStatus.Succeeded;
            if (!done)
                start = await agent.NextAsync<StartJob>();
        }

        Assert.True(store.Injected > 0);
        var id = await grid.Grains.GetGrain<IOrgGrain>(TestGrid.Org).Find(Ids.Adapter, "tuned");
        var adapter = await grid.Grains.GetGrain<IAdapterGrain>(id!).Get();
        Assert.Single(adapter!.Versions);
        var page = await job.Events(0, 1000, 0);
        Assert.Equal(Enumerable.Range(1, page.Events.Count).Select(i => (long)i), page.Events.Select(e => e.Seq));
        Assert.Equal(Enumerable.Range(1, 10), (await job.Metrics(0, 100)).Select(m => m.Step));
    }

    [Fact]
    public async Task Submit_WhoseWriteFailed_IsRefusedAndCanBeRepeated()
    {
        FaultyBlobStore store = null!;
        await using var grid = await TestGrid.StartAsync(wrap: inner => store = new FaultyBlobStore(inner));
        store.Plan = (key, _) => key.Contains("/job/") ? FaultyBlobStore.Fault.Before : FaultyBlobStore.Fault.None;
        var job = grid.NewJob();

        Assert.Equal(ErrorCodes.Unavailable, (await Assert.ThrowsAsync<GridException>(() => job.Submit(TestGrid.Submission()))).Code);

        store.Plan = (_, _) => FaultyBlobStore.Fault.None;
        await UntilDoneAsync(() => job.Submit(TestGrid.Submission()));
        Assert.NotNull(await job.Get());
    }

    [Theory]
    [InlineData("index/live/", false)]
    [InlineData("index/jobs/", false)]
    [InlineData("index/", true)]
    public async Task Submit_WhoseIndexEntryFailed_IsRefusedAndIndexedWhenRepeated(string prefix, bool restart)
    {
        FaultyBlobStore store = null!;
        var first = await TestGrid.StartAsync(wrap: inner => store = new FaultyBlobStore(inner));
        // With these the job waits for a node: one that ends is taken from the index again.
        await first.AddModelAsync();
        await first.AddDatasetAsync();
        store.IndexPlan = key => key.StartsWith(prefix, StringComparison.Ordinal) ? FaultyBlobStore.Fault.Before : FaultyBlobStore.Fault.None;
        var id = Ids.New(Ids.Job, DateTimeOffset.UtcNow);

        // The job's own state may be durable by now: nobody was told so.
        await Assert.ThrowsAnyAsync<Exception>(() => first.Grains.GetGrain<IJobGrain>(id).Submit(TestGrid.Submission()));

        store.IndexPlan = _ => FaultyBlobStore.Fault.None;
        if (restart)
            await first.StopAsync();
        await using var grid = restart ? await TestGrid.StartAsync(first.Directory) : first;
        await UntilDoneAsync(() => grid.Grains.GetGrain<IJobGrain>(id).Submit(TestGrid.Submission()));
        Assert.Equal([id], (await grid.Pool.Jobs(TestGrid.Org, null, 10)).JobIds);
        Assert.NotNull(await grid.Blobs.StatAsync($"index/live/{id}"));
    }

    private static async Task UntilDoneAsync(Func<Task> call)
    {
        var deadline = DateTime.UtcNow + TestGrid.Limit;
        while (true)
        {
            try
            {
                await call();
                return;
            }
            catch (GridException e) when (e.Code == ErrorCodes.Unavailable && DateTime.UtcNow < deadline)
            {
                await Task.Delay(Between);
            }
        }
    }
}
