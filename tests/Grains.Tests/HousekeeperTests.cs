using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Housekeeping;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Grains.Housekeeping;
using FineTuneGrid.Grains.Tests.Support;
using FineTuneGrid.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace FineTuneGrid.Grains.Tests;

/// <summary>Housekeeping over a real store, beside real grains, at the worst moments.</summary>
public sealed class HousekeeperTests : IAsyncLifetime
{
    private static readonly TimeSpan Later = TimeSpan.FromDays(30);

    private TestGrid _grid = null!;

    private IBlobStore Blobs => _grid.Blobs;

    public async Task InitializeAsync() => _grid = await TestGrid.StartAsync();

    public async Task DisposeAsync() => await _grid.DisposeAsync();

    [Fact]
    public async Task Run_MonthsLater_LeavesWhatAJobAndItsResultNeed()
    {
        await _grid.AddModelAsync();
        await _grid.AddDatasetAsync();
        await using var agent = await FakeAgent.StartAsync(_grid);
        var running = await _grid.SubmitAsync();
        await agent.AttachedAsync(await agent.NextAsync<StartJob>());
        var before = await KeysAsync();
        Assert.Contains(before, k => k.EndsWith("/index.json", StringComparison.Ordinal));

        Assert.Equal(0, (await RunAsync(Later)).Blobs);

        Assert.Equal(before, await KeysAsync());
        Assert.Equal(JobStatus.Running, (await running.Get())!.Status);
    }

    [Fact]
    public async Task Run_ModelDeleted_TokensMadeForItGo()
    {
        var (model, dataset) = (await _grid.AddModelAsync(), await _grid.AddDatasetAsync());
        var manifest = (await _grid.Grains.GetGrain<IModelGrain>(model).Get())!.Manifest!;
        var index = await TokenizeAsync(dataset, manifest);
        Assert.Equal(0, (await RunAsync(Later)).Blobs);

        await _grid.Grains.GetGrain<IModelGrain>(model).Delete();
        var dry = await RunAsync(Later, dryRun: true);
        Assert.Equal((index.Key, GarbageKinds.Tokens), (Assert.Single(dry.Items).Key, dry.Items[0].Kind));
        Assert.NotNull(await Blobs.StatAsync(index.Key));
        Assert.Equal(1, (await RunAsync(Later)).Blobs);

        Assert.Null(await Blobs.StatAsync(index.Key));
        // Nothing is lost but work: asked for again, they are made again.
        Assert.NotNull(await Blobs.StatAsync((await TokenizeAsync(dataset, manifest)).Key));
    }

    [Fact]
    public async Task Run_TokensTakenOverRightBeforeTheyGo_AreSpared()
    {
        var (model, dataset) = (await _grid.AddModelAsync(), await _grid.AddDatasetAsync());
        var manifest = (await _grid.Grains.GetGrain<IModelGrain>(model).Get())!.Manifest!;
        var index = await TokenizeAsync(dataset, manifest);
        var shard = index.Key.Replace("index.json", "0.safetensors", StringComparison.Ordinal);
        await Blobs.WriteBytesAsync(shard, new byte[5]);
        await _grid.Grains.GetGrain<IModelGrain>(model).Delete();
        var store = new WatchedBlobStore(Blobs) { BeforeDelete = key => key == index.Key ? TokenizeAsync(dataset, manifest) : Task.CompletedTask };

        Assert.Equal(0, (await RunAsync(Later, store: store)).Blobs);

        Assert.NotNull(await Blobs.StatAsync(index.Key));
        Assert.NotNull(await Blobs.StatAsync(shard));
    }

    [Fact]
    public async Task Run_FileNamedBetweenListingAndDecision_IsSpared()
    {
        var dataset = await DraftAsync();
        var named = await _grid.StoreAsync($"datasets/{dataset}/source/named", "a.jsonl", "a");
        var stray = await _grid.StoreAsync($"datasets/{dataset}/source/stray", "b.jsonl", "b");
        var store = new WatchedBlobStore(Blobs)
        {
            BeforeRead = async key =>
            {
                if (key == GrainStates.KeyOf("dataset", dataset)) await _grid.Grains.GetGrain<IDatasetGrain>(dataset).AddFile(named);
            },
        };
        Assert.Equal(stray.Key, Assert.Single((await RunAsync(Later, store: store)).Items).Key);
        Assert.NotNull(await Blobs.StatAsync(named.Key));
        Assert.Null(await Blobs.StatAsync(stray.Key));
    }

    [Fact]
    public async Task Run_KilledAtEveryDeletion_LeavesNoIndexWithoutShardsAndNoGap_AndTheNextEndsIt()
    {
        var dataset = await DraftAsync();
        string[] tokens = [$"datasets/{dataset}/tokens/x/index.json", $"datasets/{dataset}/tokens/x/0.safetensors", $"datasets/{dataset}/tokens/x/1.safetensors"];
        var upload = new ResumableUpload(Blobs, $"datasets/{dataset}/uploads/f-6");
        for (var killedAt = 0; killedAt < 6; killedAt++)
        {
            foreach (var key in tokens) await Blobs.WriteBytesAsync(key, new byte[3]);
            for (var at = await upload.ReceivedAsync(); at < 6; at += 2) await upload.AppendAsync(at, new MemoryStream(new byte[2]));
            var left = killedAt;
            var store = new WatchedBlobStore(Blobs) { BeforeDelete = _ => left-- == 0 ? throw new IOException("killed here") : Task.CompletedTask };

            await Assert.ThrowsAsync<IOException>(() => RunAsync(Later, store: store));

            var found = await KeysAsync($"datasets/{dataset}/");
            Assert.True(!found.Contains(tokens[0]) || tokens.All(found.Contains), $"killed at {killedAt}: {string.Join(", ", found)}");
            Assert.Equal(2 * found.Count(k => k.Contains("/uploads/", StringComparison.Ordinal)), await upload.ReceivedAsync());
        }
        await RunAsync(Later);
        Assert.Empty(await KeysAsync($"datasets/{dataset}/"));
    }

    [Fact]
    public async Task Run_TwiceAtOnce_RemovesEachBlobOnce()
    {
        var dataset = await DraftAsync();
        for (var i = 0; i < 60; i++) await Blobs.WriteBytesAsync($"datasets/{dataset}/source/{i}", new byte[10]);
        var reports = await Task.WhenAll(RunAsync(Later), RunAsync(Later));
        Assert.Equal((60L, 600L), (reports.Sum(r => r.Blobs), reports.Sum(r => r.Bytes)));
        Assert.Empty(await KeysAsync($"datasets/{dataset}/"));
    }

    [Fact]
    public async Task Run_RestOfADeletedDataSet_GoesAtOnce()
    {
        var dataset = await _grid.AddDatasetAsync();
        await _grid.Grains.GetGrain<IDatasetGrain>(dataset).Delete();
        await Blobs.WriteBytesAsync($"datasets/{dataset}/source/late", new byte[4]);
        var report = await RunAsync(TimeSpan.Zero);
        Assert.Equal((1L, 4L, GarbageKinds.Deleted), (report.Blobs, report.Bytes, report.Items[0].Kind));
    }

    [Fact]
    public async Task Run_OldCheckpoints_GoAndTheKeptOnesStay_AndADamagedHeadIsReported()
    {
        await _grid.AddModelAsync();
        await _grid.AddDatasetAsync();
        var (kept, damaged) = ((await _grid.SubmitAsync("\"checkpoint\":{\"keep\":2}")), await _grid.SubmitAsync());
        var (id, other) = ((await kept.Get())!.Id, (await damaged.Get())!.Id);
        var checkpoints = new CheckpointStore(Blobs, id);
        await checkpoints.FenceAsync(1, "test");
        for (var step = 1; step <= 5; step++)
            await checkpoints.CommitAsync(new CheckpointCommit(1, step, step, [new CheckpointPart("w", BitConverter.GetBytes(step))]));
        await Blobs.WriteBytesAsync($"jobs/{other}/head", new byte[70]);

        var report = await RunAsync(Later);

        Assert.Equal((6L, GarbageKinds.Checkpoints), (report.Blobs, report.Items[0].Kind));
        Assert.Equal($"jobs/{other}/", Assert.Single(report.Problems).Where);
        Assert.Equal(5, (await checkpoints.RestoreAsync())!.Manifest.Step);
        Assert.Equal(4, (await KeysAsync($"jobs/{id}/checkpoints/")).Count);
    }

    [Fact]
    public async Task Turn_OfTwoSilos_IsTakenByOne_AndAgainWhenDue()
    {
        var options = Options.Create(new GridOptions());
        HousekeepingTurn At(TimeSpan shift) => new(Blobs, options, new Shifted(shift));
        var taken = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => At(TimeSpan.Zero).TakeAsync())));
        Assert.Single(taken, true);
        Assert.False(await At(TimeSpan.FromMinutes(50)).TakeAsync());
        Assert.True(await At(TimeSpan.FromMinutes(61)).TakeAsync());
    }

    private async Task<string> DraftAsync()
    {
        var id = Ids.New(Ids.Dataset, DateTimeOffset.UtcNow);
        await _grid.Grains.GetGrain<IDatasetGrain>(id).Create(TestGrid.Org, "draft");
        return id;
    }

    private Task<TokenIndex> TokenizeAsync(string dataset, ModelManifest model) => _grid.Grains.GetGrain<IDatasetGrain>(dataset).Tokenize(model, "chat", 64);

    private Task<HousekeepingReport> RunAsync(TimeSpan later, bool dryRun = false, IBlobStore? store = null) =>
        new Housekeeper(store ?? Blobs, new GrainStates(store ?? Blobs), Options.Create(new GridOptions()), new Shifted(later), NullLogger<Housekeeper>.Instance)
            .RunAsync(dryRun, CancellationToken.None);

    private async Task<List<string>> KeysAsync(string prefix = "") =>
        await Blobs.ListAsync(prefix).Select(b => b.Key).Where(k => prefix.Length > 0 || !k.StartsWith("grains/", StringComparison.Ordinal)).ToListAsync();

    private sealed class Shifted(TimeSpan shift) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + shift;
    }
}
