using System.Buffers.Binary;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests;

public sealed class SessionProtocolTests : IDisposable
{
    private readonly TestStore _store = new();

    public void Dispose() => _store.Dispose();

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(-1)]
    [InlineData(0)]
    public async Task Socket_FrameOfHostileLength_ClosesOnlyThatConnection(int length)
    {
        await using var agent = await FakeAgent.StartAsync(_store, connect: false);
        await using (var hostile = await agent.OpenAsync())
        {
            var prefix = new byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(prefix, length);
            await hostile.WriteAsync(prefix);
            Assert.Equal(0, await hostile.ReadAsync(new byte[1]).AsTask().WaitAsync(TimeSpan.FromSeconds(30)));
        }

        await agent.ConnectAsync(FakeAgent.Token);
        Assert.Equal(agent.Process.Id, (await agent.UntilAsync<SessionReady>()).Pid);
        Assert.Equal(0, await agent.ShutdownAsync());
    }

    [Fact]
    public async Task Socket_WrongToken_HearsNothing()
    {
        await using var agent = await FakeAgent.StartAsync(_store, connect: false);
        await using var stranger = await agent.OpenAsync();

        await FrameStream.WriteAsync<AgentFrame>(stranger, new Hello("guess"));

        Assert.Null(await FrameStream.ReadAsync<TrainerReport>(stranger));
    }

    [Fact]
    public async Task Reports_NotAcknowledged_AreToldAgainToTheNextAgent()
    {
        var order = _store.Order("job-twice");
        await _store.FenceAsync(order);
        await using var agent = await FakeAgent.StartAsync(_store);
        await agent.SendAsync(new Attach(order));
        await agent.UntilAsync<JobAttached>();
        await agent.AcknowledgeAsync();
        var heard = agent.Reports.Count;
        await agent.UntilAsync<JobFinished>();

        await using var successor = await agent.OpenAsync();
        await FrameStream.WriteAsync<AgentFrame>(successor, new Hello(FakeAgent.Token));
        var first = await FrameStream.ReadAsync<TrainerReport>(successor);

        Assert.Equal(heard + 1, first!.Seq);
    }

    [Fact]
    public async Task Attach_Twice_IsOnce()
    {
        var order = _store.Order("job-again");
        await _store.FenceAsync(order);
        await using var agent = await FakeAgent.StartAsync(_store);
        await agent.SendAsync(new Attach(order));
        await agent.SendAsync(new Attach(order));
        await agent.UntilAsync<JobFinished>();
        await agent.SendAsync(new Attach(order));

        Assert.Equal(0, await agent.ShutdownAsync());
        Assert.Single(agent.Reports.OfType<JobAttached>());
        Assert.Single(agent.Reports.OfType<JobFinished>());
    }

    [Fact]
    public async Task Sigterm_CommitsAndLeaves()
    {
        var order = _store.Order("job-term", change: j => { j["optimizer"]!["epochs"] = 20_000; j["checkpoint"]!["every_steps"] = 1_000_000; });
        await _store.FenceAsync(order);
        await using var agent = await FakeAgent.StartAsync(_store);
        await agent.SendAsync(new Attach(order));
        await agent.UntilAsync<JobSteps>();

        using (var kill = System.Diagnostics.Process.Start("kill", ["-TERM", $"{agent.Process.Id}"]))
            await kill.WaitForExitAsync();
        var left = await agent.UntilAsync<JobDetached>();
        await agent.AcknowledgeAsync();

        Assert.True(left.CommittedStep > 0);
        Assert.Equal(0, await agent.ExitAsync());
        Assert.Equal(left.CommittedStep!.Value, (await _store.ResultAsync("job-term")).Step);
    }

    [Fact]
    public async Task Job_WithARankAboveTheLayersSize_FailsForGood()
    {
        var order = _store.Order("job-rank", change: j => j["method"]!["rank"] = 4000);
        await _store.FenceAsync(order);
        await using var agent = await FakeAgent.StartAsync(_store);
        await agent.SendAsync(new Attach(order));

        var failed = await agent.UntilAsync<JobFailed>();

        Assert.Equal(("method.rank", false), (failed.Error.Field, failed.Retryable));
    }

    [Fact]
    public async Task Job_ThatDiverges_FailsForGoodAndNamesTheStep()
    {
        var order = _store.Order("job-diverged", change: j => { j["optimizer"]!["learning_rate"] = 10; j["optimizer"]!["max_grad_norm"] = null; j["optimizer"]!["weight_decay"] = 10; j["optimizer"]!["epochs"] = 200; j["method"]!["alpha"] = 1e6; });
        await _store.FenceAsync(order);
        await using var agent = await FakeAgent.StartAsync(_store);
        await agent.SendAsync(new Attach(order));

        var failed = await agent.UntilAsync<JobFailed>();

        Assert.Equal((ErrorCodes.Diverged, false), (failed.Error.Code, failed.Retryable));
        Assert.Matches(@"step \d+", failed.Error.Message);
    }

    [Fact]
    public async Task Job_WithDamagedData_FailsForGood()
    {
        var shard = _store.Train.Shards[0];
        var bytes = (await Storage.BlobStoreExtensions.ReadAllBytesAsync(_store.Blobs, shard.Key))!.Value.Bytes;
        bytes[^5] ^= 1;
        await Storage.BlobStoreExtensions.WriteBytesAsync(_store.Blobs, shard.Key, bytes);
        var order = _store.Order("job-damaged");
        await _store.FenceAsync(order);
        await using var agent = await FakeAgent.StartAsync(_store);
        await agent.SendAsync(new Attach(order));

        var failed = await agent.UntilAsync<JobFailed>();

        Assert.Equal((ErrorCodes.DigestMismatch, false), (failed.Error.Code, failed.Retryable));
    }

    [Fact]
    public async Task Job_ThatMissesItsGate_FailsAndKeepsItsCheckpoint()
    {
        var order = _store.Order("job-gate", change: j => j["evaluation"] = System.Text.Json.Nodes.JsonNode.Parse("""{"gates": [{"metric": "valid_loss", "max": 0.01}]}"""));
        await _store.FenceAsync(order);
        await using var agent = await FakeAgent.StartAsync(_store);
        await agent.SendAsync(new Attach(order));

        var failed = await agent.UntilAsync<JobFailed>();

        Assert.Equal((ErrorCodes.GateFailed, false), (failed.Error.Code, failed.Retryable));
        var kept = await _store.ResultAsync("job-gate");
        Assert.Equal((10, false), (kept.Step, kept.Finished));
    }
}
