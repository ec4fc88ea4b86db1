using System.Runtime.InteropServices;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;
using FineTuneGrid.Trainer.Session;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests;

public sealed partial class LeaseTests : IDisposable
{
    private const int SigStop = 19;
    private const int SigCont = 18;
    private const int LeaseSeconds = 15;

    private readonly TestStore _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Trainer_StoppedPastItsLease_CommitsNothingAfterItGoesOn()
    {
        var order = _store.Order("job-stopped", change: j => { j["optimizer"]!["epochs"] = 20_000; j["checkpoint"]!["every_steps"] = 1; });
        await _store.FenceAsync(order);
        await using var agent = await FakeAgent.StartAsync(_store, LeaseSeconds);
        await agent.SendAsync(new Attach(order));
        await agent.UntilAsync<JobCommitted>();

        _ = Kill(agent.Process.Id, SigStop);
        var before = await Head("job-stopped");
        await Task.Delay(TimeSpan.FromSeconds(LeaseSeconds)); // The lease is over when the trainer goes on: this is what is tested.
        _ = Kill(agent.Process.Id, SigCont);

        Assert.Equal(TrainerProtocol.LeaseLostExitCode, await agent.ExitAsync());
        Assert.True(await Head("job-stopped") - before <= 1, "more was committed than the commit that SIGSTOP interrupted");
    }

    [Fact]
    public async Task Trainer_WithoutRenewal_StopsByItself()
    {
        var order = _store.Order("job-left", change: j => j["optimizer"]!["epochs"] = 20_000);
        await _store.FenceAsync(order);
        await using var agent = await FakeAgent.StartAsync(_store, leaseSeconds: 8);
        await agent.SendAsync(new Attach(order));

        Assert.Equal(TrainerProtocol.LeaseLostExitCode, await agent.ExitAsync());
    }

    [Fact]
    public async Task Trainer_OfAnOlderEpoch_IsFencedAtItsNextCommit()
    {
        var order = _store.Order("job-fenced", change: j => { j["optimizer"]!["epochs"] = 20_000; j["checkpoint"]!["every_steps"] = 1; });
        await _store.FenceAsync(order);
        await using var agent = await FakeAgent.StartAsync(_store);
        await agent.SendAsync(new Attach(order));
        await agent.UntilAsync<JobCommitted>();

        await new CheckpointStore(_store.Blobs, "job-fenced").FenceAsync(2, "successor");
        var frozen = await Head("job-fenced");
        var left = await agent.UntilAsync<JobDetached>();

        Assert.Equal(ErrorCodes.Fenced, left.Reason);
        Assert.Equal(frozen, await Head("job-fenced"));
    }

    /// <summary>The rounds of the bench: only the store is in the way of these trainers.</summary>
    [Fact]
    public async Task Zombies_WithASuccessor_AreRefusedByTheStore()
    {
        await using var zombies = new Zombies(_store, seed: 1);
        for (var i = 0; i < 3; i++)
        {
            var zombie = await zombies.NextAsync();
            Assert.Null(zombie.Violation);
            Assert.True(zombie.RefusedByTheStore);
        }
    }

    [Fact]
    public void Lease_FrameThatWaitedInTheSocket_ProlongsNothing()
    {
        var time = new ManualTime();
        var lease = new LeaseClock(time, 10);
        time.Advance(TimeSpan.FromSeconds(9));
        var stale = time.GetTimestamp() + time.TimestampFrequency;
        time.Advance(TimeSpan.FromSeconds(0.5));

        lease.Extend(60, stale);
        time.Advance(TimeSpan.FromSeconds(0.6));

        Assert.Equal(ErrorCodes.LeaseLost, Assert.Throws<GridException>(lease.Require).Code);
    }

    [Fact]
    public void Lease_RenewalAfterItsEnd_DoesNotReviveIt()
    {
        var time = new ManualTime();
        var lease = new LeaseClock(time, 10);
        time.Advance(TimeSpan.FromSeconds(11));

        lease.Extend(60, null);

        Assert.True(lease.IsOver);
    }

    private async Task<long> Head(string jobId) => (await new CheckpointStore(_store.Blobs, jobId).ReadHeadAsync())!.Head.Step;

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);

    private sealed class ManualTime : TimeProvider
    {
        private long _ticks = 1_000_000;

        public override long TimestampFrequency => 1_000;

        public override long GetTimestamp() => _ticks;

        public void Advance(TimeSpan by) => _ticks += (long)by.TotalMilliseconds;
    }
}
