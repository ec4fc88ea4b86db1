using System.Runtime.InteropServices;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests.Gangs;

/// <summary>A gang that loses a worker ends, quickly and for that reason, and its job goes on from the last commit.</summary>
public sealed partial class GangLossTests : IDisposable
{
    private const int SigStop = 19;

    private readonly TestStore _store = new();

    public void Dispose() => _store.Dispose();

    /// <summary>In fast mode the sums of a step are under way beside its backward.</summary>
    [Theory]
    [InlineData("exact")]
    [InlineData("fast")]
    public async Task Worker_WhenAnotherIsKilled_EndsForThatReasonAndTheJobGoesOn(string mode)
    {
        await using var first = await FakeAgent.StartAsync(_store);
        await using var second = await FakeAgent.StartAsync(_store);
        await using var next = await FakeAgent.StartAsync(_store);
        var whole = await GangRun.StartAsync(_store, _store.Order("job-whole", change: GangExactnessTests.Lasting), [next]);
        var expected = (await whole.FinishAsync()).Result;
        var lost = await GangRun.StartAsync(_store, Order(1), [first, second]);
        await lost.CommittedAsync();

        second.Process.Kill();

        Assert.Equal(TrainerProtocol.GangBrokenExitCode, await first.ExitAsync());
        Assert.Contains("lost its gang", await first.Output);
        Assert.DoesNotContain(first.Reports, r => r is JobFailed or JobFinished);
        var rest = await GangRun.StartAsync(_store, Order(2), [next]);
        Assert.True((await rest.AttachedAsync())[0].FromStep > 0);
        var result = (await rest.FinishAsync()).Result;
        Assert.Equal(expected.ValidLoss!.Value, result.ValidLoss!.Value, 1e-4);
        if (mode == "exact") Assert.Equal(expected.WeightsSha256, result.WeightsSha256);

        TrainingOrder Order(int epoch)
        {
            var order = _store.Order("job-lost", epoch, GangExactnessTests.Stoppable);
            return order with { Resolved = order.Resolved with { Mode = mode } };
        }
    }

    [Fact]
    public Task Worker_WhenTheFirstStandsStill_EndsForThatReason() => StandStillAsync(0);

    [Fact]
    [Trait("Category", "Slow")]
    public Task Worker_WhenAnotherStandsStill_EndsForThatReason() => StandStillAsync(1);

    private async Task StandStillAsync(int stopped)
    {
        var workers = await Task.WhenAll(FakeAgent.StartAsync(_store), FakeAgent.StartAsync(_store));
        await using var first = workers[0];
        await using var second = workers[1];
        var run = await GangRun.StartAsync(_store, _store.Order("job-still", 1, j => { GangExactnessTests.Stoppable(j); j["optimizer"]!["epochs"] = 20_000; }), workers, silenceSeconds: 3);
        await run.CommittedAsync();

        _ = Kill(workers[stopped].Process.Id, SigStop);

        Assert.Equal(TrainerProtocol.GangBrokenExitCode, await workers[1 - stopped].ExitAsync());
        Assert.Contains($"worker {stopped} gave no sign of life", await workers[1 - stopped].Output);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
