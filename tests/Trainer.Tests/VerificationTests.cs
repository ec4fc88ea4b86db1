using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests;

/// <summary>A window of a job trained again: identical where nothing is wrong, and only there.</summary>
public sealed class VerificationTests : IClassFixture<VerificationTests.TrainedJob>
{
    private const string Weights = "adapter_model.safetensors";
    private const string Optimizer = "optimizer.safetensors";
    private const string State = "trainer_state.json";

    private readonly TrainedJob _trained;

    public VerificationTests(TrainedJob trained) => _trained = trained;

    private TestStore Store => _trained.Store;

    /// <summary>One job with dropout and evaluations, ten steps, committed at 3, 6, 9 and 10.</summary>
    public sealed class TrainedJob : IAsyncLifetime
    {
        public const string Id = "job-trained";

        internal TestStore Store { get; } = new();

        internal string Log { get; private set; } = "";

        internal Dictionary<int, JobCommitted> Committed { get; private set; } = [];

        internal TrainingOrder Order(string jobId) => Store.Order(jobId, change: json =>
        {
            json["method"]!["dropout"] = 0.1;
            json["evaluation"] = new System.Text.Json.Nodes.JsonObject { ["every_steps"] = 4 };
        });

        public async Task InitializeAsync()
        {
            var order = Order(Id);
            await Store.FenceAsync(order);
            await using var agent = await FakeAgent.StartAsync(Store);
            await agent.TrainAsync(order);
            Committed = agent.Reports.OfType<JobCommitted>().ToDictionary(c => c.Step);
            await agent.ShutdownAsync();
            Log = await agent.Output;
        }

        public Task DisposeAsync()
        {
            Store.Dispose();
            return Task.CompletedTask;
        }
    }

    [Theory]
    [InlineData(3, 6)]
    [InlineData(9, 10)]
    public async Task Window_OfASoundJob_IsIdenticalAndCommitsNothing(int from, int to)
    {
        var before = await HeadAsync(TrainedJob.Id);

        var verification = await VerifyAsync(TrainedJob.Id, _trained.Committed[from].ManifestKey, _trained.Committed[to].ManifestKey);

        Assert.Empty(verification.Differs);
        Assert.True(verification.Identical);
        Assert.Equal((TrainedJob.Id, from, to), (verification.Job, verification.FromStep, verification.ToStep));
        Assert.Equal(new DigestPair(_trained.Committed[to].AdapterSha256, _trained.Committed[to].AdapterSha256), verification.AdapterSha256);
        Assert.Equal(new DigestPair(_trained.Committed[to].OptimizerSha256, _trained.Committed[to].OptimizerSha256), verification.OptimizerSha256);
        Assert.NotEqual(_trained.Committed[from].AdapterSha256, verification.AdapterSha256.Actual);
        Assert.Equal(before, await HeadAsync(TrainedJob.Id));
    }

    [Fact]
    public void Log_OfEveryCheckpoint_HoldsBothDigests()
    {
        Assert.Equal([3, 6, 9, 10], _trained.Committed.Keys.Order());
        Assert.All(_trained.Committed.Values, c => Assert.Contains($"step {c.Step} committed: weights sha256 {c.AdapterSha256}, optimizer sha256 {c.OptimizerSha256}", _trained.Log));
    }

    [Theory]
    [InlineData(Weights)]
    [InlineData(Optimizer)]
    [InlineData(State)]
    public async Task Window_ToAFalsifiedCheckpoint_NamesThePartThatDiffers(string part)
    {
        // One bit of one value, committed by the rules: only training it again can tell.
        var keys = await CopyAsync($"job-false-{part.Split('.')[0]}", (6, part, bytes => part == State ? Replaced(bytes, "\"samples_consumed\":", "\"samples_consumed\":1") : Flipped(bytes)));

        var verification = await VerifyAsync(keys.Job, keys.Manifests[3], keys.Manifests[6]);

        Assert.False(verification.Identical);
        Assert.Equal([part], verification.Differs);
        Assert.Equal(part == Weights, verification.AdapterSha256.Expected != verification.AdapterSha256.Actual);
        Assert.Equal(part == Optimizer, verification.OptimizerSha256.Expected != verification.OptimizerSha256.Actual);
    }

    [Fact]
    public async Task Window_FromAFalsifiedCheckpoint_IsNotIdentical()
    {
        var keys = await CopyAsync("job-false-start", (3, Optimizer, Flipped));

        var verification = await VerifyAsync(keys.Job, keys.Manifests[3], keys.Manifests[6]);

        Assert.False(verification.Identical);
        Assert.Contains(Optimizer, verification.Differs);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(6)]
    public async Task Window_WithADamagedPart_IsACorruptCheckpoint(int step)
    {
        var keys = await CopyAsync($"job-damaged-{step}");
        var store = new CheckpointStore(Store.Blobs, keys.Job);
        var part = (await store.OpenAsync(keys.Manifests[step])).Manifest.Find(Weights)!;
        await Store.Blobs.WriteBytesAsync(store.PartKey(part), Flipped(await store.ReadPartAsync(part)));

        var reply = await RunAsync(keys.Job, keys.Manifests[3], keys.Manifests[6]);

        Assert.Equal(ErrorCodes.CorruptCheckpoint, reply.Error?.Code);
        Assert.Contains(part.Sha256, reply.Error!.Message);
    }

    [Fact]
    public async Task Window_WithACollectedCheckpoint_SaysSo()
    {
        var keys = await CopyAsync("job-collected");
        await Store.Blobs.DeleteAsync(keys.Manifests[3]);
        // Newer commits have pushed it out of what the head keeps.
        var store = new CheckpointStore(Store.Blobs, keys.Job);
        var newest = await store.OpenAsync(keys.Manifests[6]);
        for (var step = 7; step < 7 + _trained.Order(keys.Job).Spec.Checkpoint.Keep; step++)
            await store.CommitAsync(new CheckpointCommit(1, step, newest.Manifest.Cursor, await PartsAsync(store, newest.Manifest)));

        var reply = await RunAsync(keys.Job, keys.Manifests[3], keys.Manifests[6]);

        Assert.Equal((ErrorCodes.Conflict, "checkpoint.keep"), (reply.Error?.Code, reply.Error?.Field));
        Assert.Contains(keys.Manifests[3], reply.Error!.Message);
    }

    private sealed record Copy(string Job, IReadOnlyDictionary<int, string> Manifests);

    /// <summary>Steps 3 and 6 of the trained job, committed under another job's id, one part changed.</summary>
    private async Task<Copy> CopyAsync(string jobId, (int Step, string Part, Func<byte[], byte[]> Change)? change = null)
    {
        var (source, copy) = (new CheckpointStore(Store.Blobs, TrainedJob.Id), new CheckpointStore(Store.Blobs, jobId));
        await copy.FenceAsync(1, "test-1");
        var manifests = new Dictionary<int, string>();
        foreach (var step in (int[])[3, 6])
        {
            var found = (await source.OpenAsync(_trained.Committed[step].ManifestKey)).Manifest;
            var parts = await PartsAsync(source, found, change is { } c && c.Step == step ? c : null);
            manifests[step] = (await copy.CommitAsync(new CheckpointCommit(1, step, found.Cursor, parts))).Head.Newest!.Manifest;
        }
        return new Copy(jobId, manifests);
    }

    private static async Task<List<CheckpointPart>> PartsAsync(CheckpointStore source, CheckpointManifest manifest, (int Step, string Part, Func<byte[], byte[]> Change)? change = null)
    {
        var parts = new List<CheckpointPart>();
        foreach (var part in manifest.Parts)
        {
            var bytes = await source.ReadPartAsync(part);
            parts.Add(new CheckpointPart(part.Name, change is { } c && c.Part == part.Name ? c.Change(bytes) : bytes));
        }
        return parts;
    }

    private static byte[] Flipped(byte[] bytes) => [.. bytes[..^2], (byte)(bytes[^2] ^ 1), bytes[^1]];

    private static byte[] Replaced(byte[] bytes, string text, string by) =>
        System.Text.Encoding.UTF8.GetBytes(System.Text.Encoding.UTF8.GetString(bytes).Replace(text, by, StringComparison.Ordinal));

    private async Task<string> HeadAsync(string jobId) => GridJson.ToText((await new CheckpointStore(Store.Blobs, jobId).ReadHeadAsync())!.Head);

    private async Task<ResumeVerification> VerifyAsync(string jobId, string from, string to)
    {
        var reply = await RunAsync(jobId, from, to);
        Assert.True(reply.Verification is not null, reply.Error?.Message);
        return reply.Verification;
    }

    private async Task<TrainerTaskReply> RunAsync(string jobId, string from, string to)
    {
        var task = new TrainerTask("task-v", Store.Access, "cpu", 1, Store.Model, null, Verification: new VerificationTask(_trained.Order(jobId), from, to));
        var (file, reply) = (Path.Combine(Store.Root, $"{jobId}.task.json"), Path.Combine(Store.Root, $"{jobId}.reply.json"));
        await File.WriteAllBytesAsync(file, GridJson.ToBytes(task));
        var (_, output, errors) = await TrainerProgram.RunAsync("task", file, reply);
        return File.Exists(reply) ? GridJson.Parse<TrainerTaskReply>(await File.ReadAllBytesAsync(reply)) : throw new InvalidOperationException(output + errors);
    }
}
