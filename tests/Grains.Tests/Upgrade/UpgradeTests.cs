using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Grains.Jobs;
using FineTuneGrid.Grains.Nodes;
using FineTuneGrid.Grains.Pool;
using FineTuneGrid.Grains.Registry;
using FineTuneGrid.Grains.Tests.Support;
using FineTuneGrid.Silo;
using FineTuneGrid.Storage;
using Orleans;
using Orleans.Runtime;

namespace FineTuneGrid.Grains.Tests.Upgrade;

/// <summary>A grid of this version on what one of an earlier version had stored when it ended.</summary>
public sealed class UpgradeTests
{
    public static TheoryData<int> Versions => new(Enumerable.Range(StateVersion.First, StateVersion.Current));

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Jobs_OfAnEarlierVersion_AreAllThere_AndGoOn(int version)
    {
        var golden = GoldenState.Read(version);
        await using var grid = await TestGrid.StartAsync(await GoldenState.PlaceAsync(version));
        JobStatus[] placed = [JobStatus.Starting, JobStatus.Running, JobStatus.Pausing];
        await using var first = await AgentAsync(grid, "n1", golden, placed);
        await using var second = await AgentAsync(grid, "n2", golden, JobStatus.Preempting);
        IJobGrain Job(JobStatus status) => grid.Grains.GetGrain<IJobGrain>(golden.Job(status).Id);
        StartJob Start(JobStatus status) => golden.Job(status).Start!;

        foreach (var status in (JobStatus[])[JobStatus.Succeeded, JobStatus.Failed, JobStatus.Cancelled, JobStatus.Paused])
            Assert.Equal(status, (await Job(status).Get())!.Status);
        var done = await Job(JobStatus.Succeeded).Get();
        Assert.Equal(("1", golden.Job(JobStatus.Succeeded).CommittedStep), (done!.AdapterVersion, done.Progress.CommittedStep));
        Assert.Equal(Enumerable.Range(1, 150), (await Job(JobStatus.Succeeded).Metrics(0, 1000)).Select(m => m.Step));
        Assert.Equal(golden.Job(JobStatus.Succeeded).Events, (await Job(JobStatus.Succeeded).Events(0, 1000, 0)).Events[^1].Seq);
        Assert.Equal(ErrorCodes.Diverged, (await Job(JobStatus.Failed).Get())!.Error!.Code);

        await first.StepsAsync(Start(JobStatus.Running), 5, 10);
        await first.FinishedAsync(Start(JobStatus.Running));
        Assert.Equal(1, (await TestGrid.ReachesAsync(Job(JobStatus.Running), JobStatus.Succeeded)).Attempt);
        Assert.Equal(Enumerable.Range(1, 10), (await Job(JobStatus.Running).Metrics(0, 100)).Select(m => m.Step));
        await first.AttachedAsync(Start(JobStatus.Starting));
        await first.FinishedAsync(Start(JobStatus.Starting));
        await TestGrid.ReachesAsync(Job(JobStatus.Starting), JobStatus.Succeeded);
        await first.DetachedAsync(Start(JobStatus.Pausing), 1);
        await TestGrid.ReachesAsync(Job(JobStatus.Pausing), JobStatus.Paused);
        await second.DetachedAsync(Start(JobStatus.Preempting), 1);
        await TestGrid.ReachesAsync(Job(JobStatus.Preempting), JobStatus.Queued, JobStatus.Starting);
        Assert.NotNull((await TestGrid.ReachesAsync(Job(JobStatus.Publishing), JobStatus.Succeeded)).AdapterVersion);
        await TestGrid.ReachesAsync(Job(JobStatus.Validating), JobStatus.Queued, JobStatus.Starting);
        await TestGrid.ReachesAsync(Job(JobStatus.Queued), JobStatus.Queued, JobStatus.Starting);
        Assert.Equal(golden.Jobs.Select(j => j.Id).Order(StringComparer.Ordinal), (await grid.Pool.Jobs(TestGrid.Org, null, 100)).JobIds.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Registry_OfAnEarlierVersion_IsAllThere(int version)
    {
        var golden = GoldenState.Read(version);
        await using var grid = await TestGrid.StartAsync(await GoldenState.PlaceAsync(version));

        Assert.Equal(AssetStatus.Ready, (await grid.Grains.GetGrain<IModelGrain>(golden.Model).Get())!.Status);
        Assert.Equal(AssetStatus.Ready, (await grid.Grains.GetGrain<IDatasetGrain>(golden.Dataset).Get())!.Status);
        var org = grid.Grains.GetGrain<IOrgGrain>(TestGrid.Org);
        Assert.Equal((golden.Model, golden.Dataset, golden.Quota), (await org.Find(Ids.Model, "base"), await org.Find(Ids.Dataset, "data"), await org.Quota()));
        var directory = grid.Grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default);
        Assert.Contains(TestGrid.Org, await directory.Orgs());
        Assert.Equal("key-ci", (await directory.FindKey(golden.KeyHash))!.KeyId);
        var adapter = await grid.Grains.GetGrain<IAdapterGrain>(golden.Adapter).Get();
        Assert.Contains(adapter!.Versions, v => v.Lineage.JobId == golden.Job(JobStatus.Succeeded).Id);
        Assert.True((await grid.Grains.GetGrain<INodeGrain>("n2").Get())!.Draining);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Checkpoint_OfAnEarlierVersion_IsRestored(int version)
    {
        var directory = await GoldenState.PlaceAsync(version);
        using var blobs = new LocalBlobStore(Path.Combine(directory, "blobs"));
        var store = new CheckpointStore(blobs, GoldenState.Read(version).Job(JobStatus.Running).Id);

        var restored = await store.RestoreAsync();

        Assert.Equal((1, 3, 48), (restored!.Manifest.Epoch, restored.Manifest.Step, restored.Manifest.Cursor));
        Assert.Equal("weights"u8.ToArray(), await store.ReadPartAsync(restored.Manifest.Find("adapter.safetensors")!));
        Directory.Delete(directory, recursive: true);
    }

    /// <summary>A member that was renamed or dropped would be missing from what is written next.</summary>
    [Fact]
    public void State_OfThisVersion_IsWrittenAsItWasRead()
    {
        var states = GoldenState.Keys(StateVersion.Current).Where(k => k.StartsWith(GrainStates.Root, StringComparison.Ordinal)).ToList();
        Assert.Equal(["adapter", "dataset", "directory", "job", "model", "node", "org", "pool"], states.Select(k => k.Split('/')[1]).Distinct());
        foreach (var key in states)
        {
            var bytes = GoldenState.Blob(StateVersion.Current, key);
            object stored = key.Split('/')[1] switch
            {
                "adapter" => StateVersion.Parse<Stored<AdapterState>>(bytes, key),
                "dataset" => StateVersion.Parse<Stored<AssetState<DatasetManifest>>>(bytes, key),
                "directory" => StateVersion.Parse<Stored<DirectoryState>>(bytes, key),
                "job" => StateVersion.Parse<Stored<JobState>>(bytes, key),
                "model" => StateVersion.Parse<Stored<AssetState<ModelManifest>>>(bytes, key),
                "node" => StateVersion.Parse<Stored<NodeState>>(bytes, key),
                "org" => StateVersion.Parse<Stored<OrgState>>(bytes, key),
                _ => StateVersion.Parse<Stored<PoolState>>(bytes, key),
            };
            var written = JsonNode.Parse(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(stored, stored.GetType(), GridJson.Options));
            Assert.True(Keeps(JsonNode.Parse(bytes), written), $"{key} was\n{JsonNode.Parse(bytes)}\nand would be written as\n{written}");
        }
    }

    [Fact]
    public async Task UnknownMembers_OfALaterProgram_AreIgnored()
    {
        var job = GoldenState.Read(StateVersion.Current).Job(JobStatus.Paused);
        var (grid, _) = await EditedAsync(job.Id, state =>
        {
            state["later"] = new JsonObject { ["x"] = 1 };
            state["value"]!["later"] = new JsonArray(1, 2);
            state["value"]!["submission"]!["spec"]!["later"] = "x";
            state.AsObject().Remove("version"); // Envelopes of before versions were counted.
        });
        await using var running = grid;

        Assert.Equal(JobStatus.Paused, (await grid.Grains.GetGrain<IJobGrain>(job.Id).Get())!.Status);
    }

    [Fact]
    public async Task State_OfANewerVersion_IsRefused_AndStaysAsItIs()
    {
        var job = GoldenState.Read(StateVersion.Current).Job(JobStatus.Paused);
        var (grid, key) = await EditedAsync(job.Id, state => (state["version"], state["value"]) = (StateVersion.Current + 1, new JsonArray("another form")));
        await using var running = grid;
        var before = await grid.Blobs.ReadAllBytesAsync(key);

        var read = await Assert.ThrowsAnyAsync<Exception>(() => grid.Grains.GetGrain<IJobGrain>(job.Id).Get());
        var write = await Assert.ThrowsAnyAsync<Exception>(() => grid.Grains.GetGrain<IJobGrain>(job.Id).Cancel());
        var scan = await Assert.ThrowsAsync<GridException>(() => new GrainStates(grid.Blobs).JobAsync(job.Id));
        var storage = await Assert.ThrowsAsync<GridException>(() => new BlobGrainStorage(grid.Blobs).ReadStateAsync(
            "state", grid.Grains.GetGrain<IJobGrain>(job.Id).GetGrainId(), new GrainState<Stored<JobState>>()));

        Assert.All([scan, storage], e => Assert.Equal((ErrorCodes.Unavailable, "version"), (e.Code, e.Field)));
        // The runtime wraps what an activation fails with.
        Assert.All([read, write, scan, storage], e => Assert.Contains($"has version {StateVersion.Current + 1}", e.ToString(), StringComparison.Ordinal));
        Assert.Equal(before!.Value.Info.ETag, (await grid.Blobs.StatAsync(key))!.ETag);
        Assert.Equal(JobStatus.Succeeded, (await grid.Grains.GetGrain<IJobGrain>(GoldenState.Read(StateVersion.Current).Job(JobStatus.Succeeded).Id).Get())!.Status);
    }

    [Fact]
    public async Task CheckpointHead_OfANewerVersion_IsRefused()
    {
        await using var grid = await TestGrid.StartAsync();
        var blobs = grid.Blobs;
        var store = new CheckpointStore(blobs, "job-1");
        await store.FenceAsync(1, "op-1");
        var (info, bytes) = (await blobs.ReadAllBytesAsync(store.HeadKey))!.Value;
        var head = JsonNode.Parse(System.Text.Encoding.UTF8.GetString(bytes).Split('\n', 2)[1])!;
        Assert.Null(head["version"]);
        head["version"] = CheckpointHead.CurrentVersion + 1;
        var json = System.Text.Encoding.UTF8.GetBytes(head.ToJsonString());
        var seal = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(json));
        await blobs.WriteBytesAsync(store.HeadKey, (byte[])[.. System.Text.Encoding.ASCII.GetBytes(seal), (byte)'\n', .. json], WriteCondition.IfMatch(info.ETag));

        var refused = await Assert.ThrowsAsync<GridException>(() => store.FenceAsync(2, "op-2"));

        Assert.Equal((ErrorCodes.Unavailable, "version"), (refused.Code, refused.Field));
    }

    /// <summary>Whether all that was read is written again; members of later programs may stand beside it.</summary>
    private static bool Keeps(JsonNode? read, JsonNode? written) => (read, written) switch
    {
        (JsonObject was, JsonObject now) => was.All(m => now.TryGetPropertyValue(m.Key, out var value) && Keeps(m.Value, value)),
        (JsonArray was, JsonArray now) => was.Count == now.Count && was.Zip(now).All(pair => Keeps(pair.First, pair.Second)),
        _ => JsonNode.DeepEquals(read, written),
    };

    private static async Task<(TestGrid Grid, string Key)> EditedAsync(string job, Action<JsonNode> edit)
    {
        var directory = await GoldenState.PlaceAsync(StateVersion.Current);
        var key = GrainStates.KeyOf("job", job);
        using (var store = new LocalBlobStore(Path.Combine(directory, "blobs")))
        {
            var state = JsonNode.Parse(GoldenState.Blob(StateVersion.Current, key))!;
            edit(state);
            await store.WriteBytesAsync(key, System.Text.Encoding.UTF8.GetBytes(state.ToJsonString()));
        }
        return (await TestGrid.StartAsync(directory), key);
    }

    /// <summary>The agent of a node whose trainers stepped on while the grid was upgraded.</summary>
    private static Task<FakeAgent> AgentAsync(TestGrid grid, string node, GoldenState golden, params JobStatus[] with)
    {
        var sessions = with.Select(golden.Job).GroupBy(j => j.Start!.SessionId)
            .Select(s => new SessionStatus(s.Key, s.First().Start!.Slot, true, null, null, [.. s.Select(j => new SessionJob(j.Id, j.Start!.Order.Epoch))]));
        return FakeAgent.StartAsync(grid, node, golden.Cursors[node], [.. sessions], slots: node == "n1" ? GoldenMaker.Slots : 1);
    }
}
