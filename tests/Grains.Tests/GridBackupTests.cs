using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Grains.Backups;
using FineTuneGrid.Grains.Tests.Support;
using FineTuneGrid.Storage;
using FineTuneGrid.Storage.Backups;

namespace FineTuneGrid.Grains.Tests;

/// <summary>A copy of a store that is written to meanwhile: whatever a restored state refers to is there.</summary>
public sealed class GridBackupTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ftg-backup-").FullName;
    private TestGrid _grid = null!;

    public async Task InitializeAsync() => _grid = await TestGrid.StartAsync();

    public async Task DisposeAsync()
    {
        await _grid.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Backup_OfARunningJob_IsRestored_AndTheJobStartsAgainUnderALaterEpoch()
    {
        await _grid.AddModelAsync();
        await _grid.AddDatasetAsync();
        StartJob start;
        await using (var agent = await FakeAgent.StartAsync(_grid))
        {
            var job = await _grid.SubmitAsync();
            start = await agent.NextAsync<StartJob>();
            await agent.AttachedAsync(start);
            await agent.StepsAsync(start, 1, 4);
            await TestGrid.ReachesAsync(job, JobStatus.Running);
            await BackupAsync(_grid.Blobs);
        }
        await using var restored = await TestGrid.StartAsync(await RestoreAsync(), configure: o => o.Scheduler = o.Scheduler with { AdoptionGraceMs = 500 });
        // Nothing is known of the old nodes; a new one of another name takes the job over.
        await using var other = await FakeAgent.StartAsync(restored, "n2");
        var again = await other.NextAsync<StartJob>();
        Assert.Equal(start.Order.JobId, again.Order.JobId);
        Assert.True(again.Order.Epoch > start.Order.Epoch);
        await other.AttachedAsync(again);
        await other.FinishedAsync(again);
        await TestGrid.ReachesAsync(restored.Grains.GetGrain<IJobGrain>(start.Order.JobId), JobStatus.Succeeded);
    }

    [Fact]
    public async Task Backup_CheckpointsCommittedAndCollectedMeanwhile_AreRestoredWhole()
    {
        await _grid.AddModelAsync();
        await _grid.AddDatasetAsync();
        var id = (await (await _grid.SubmitAsync("\"checkpoint\":{\"keep\":1}")).Get())!.Id;
        var checkpoints = new CheckpointStore(_grid.Blobs, id);
        await checkpoints.FenceAsync(1, "test");
        var step = 0;
        async Task CommitAsync()
        {
            step++;
            await checkpoints.CommitAsync(new CheckpointCommit(1, step, step, [new CheckpointPart("w", BitConverter.GetBytes(step))]));
            await checkpoints.CollectAsync(1, TimeSpan.Zero);
        }
        await CommitAsync();
        var disturbances = 0;
        var busy = new WatchedBlobStore(_grid.Blobs)
        {
            // Between the head and the parts that it names.
            BeforeRead = key => key.Contains("/checkpoints/parts/", StringComparison.Ordinal) && disturbances++ < 3 ? CommitAsync() : Task.CompletedTask,
        };

        await BackupAsync(busy);

        Assert.True(disturbances > 3 && step == 4, $"{disturbances} reads of parts, {step} steps");
        using var store = new LocalBlobStore(Path.Combine(await RestoreAsync(), "blobs"));
        var newest = (await new CheckpointStore(store, id).RestoreAsync())!;
        Assert.Empty(newest.Skipped);
        Assert.Equal(4, newest.Manifest.Step);
    }

    [Fact]
    public async Task Backup_JobSubmittedMeanwhile_IsInWholeOrNotAtAll()
    {
        await _grid.AddModelAsync();
        await _grid.AddDatasetAsync();
        await _grid.SubmitAsync();
        var submitted = false;
        var busy = new WatchedBlobStore(_grid.Blobs)
        {
            BeforeRead = async key =>
            {
                if (submitted || !key.StartsWith("grains/job/", StringComparison.Ordinal)) return;
                submitted = true;
                await _grid.SubmitAsync();
            },
        };
        await BackupAsync(busy);
        Assert.True(submitted);
        using var store = new LocalBlobStore(Path.Combine(await RestoreAsync(), "blobs"));
        var ids = await new GrainStates(store).KeysAsync("job").ToListAsync();
        Assert.Single(ids);
        Assert.Equal(ids, await store.ListAsync("index/jobs/").Select(b => b.Key["index/jobs/".Length..].Split('.')[0]).ToListAsync());
        Assert.Equal(ids, await store.ListAsync("index/live/").Select(b => b.Key["index/live/".Length..]).ToListAsync());
    }

    [Fact]
    public async Task Backup_DataSetDeletedMeanwhile_IsLeftOutWithAllThatNamesIt()
    {
        var dataset = await _grid.AddDatasetAsync();
        var busy = new WatchedBlobStore(_grid.Blobs)
        {
            BeforeRead = key => key == $"datasets/{dataset}/manifest.json" ? _grid.Grains.GetGrain<IDatasetGrain>(dataset).Delete() : Task.CompletedTask,
        };
        var snapshot = await BackupAsync(busy);
        Assert.DoesNotContain(snapshot.Entries, e => e.Key.StartsWith("datasets/", StringComparison.Ordinal));
        using var store = new LocalBlobStore(Path.Combine(await RestoreAsync(), "blobs"));
        Assert.True((await new GrainStates(store).DatasetAsync(dataset))!.Deleted);
    }

    [Fact]
    public async Task Backup_SecondTime_CopiesOnlyWhatIsNew()
    {
        await _grid.AddModelAsync();
        await BackupAsync(_grid.Blobs);
        using var store = new LocalBlobStore(Path.Combine(_folder, "archive"));
        var again = new BackupArchive(store);
        await new GridBackup(_grid.Blobs, again, TimeProvider.System).RunAsync(new Dictionary<string, byte[]>());
        Assert.Equal(0, again.AddedObjects);
        await _grid.AddDatasetAsync();
        await new GridBackup(_grid.Blobs, again, TimeProvider.System).RunAsync(new Dictionary<string, byte[]>());
        Assert.InRange(again.AddedObjects, 1, 6);
    }

    private async Task<BackupSnapshot> BackupAsync(IBlobStore source)
    {
        using var store = new LocalBlobStore(Path.Combine(_folder, "archive"));
        return await new GridBackup(source, new BackupArchive(store), TimeProvider.System).RunAsync(new Dictionary<string, byte[]>());
    }

    private async Task<string> RestoreAsync()
    {
        var data = Directory.CreateDirectory(Path.Combine(_folder, "restored")).FullName;
        using var store = new LocalBlobStore(Path.Combine(_folder, "archive"));
        using var target = new LocalBlobStore(Path.Combine(data, "blobs"));
        var archive = new BackupArchive(store);
        await BackupRestore.RunAsync(archive, await archive.OpenAsync(), target);
        return data;
    }
}
