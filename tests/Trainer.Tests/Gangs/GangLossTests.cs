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

    [Fact]
    public async Task Worker_WhenAnotherIsKilled_EndsForThatReasonAndTheJobGoesOn()
    {
        await using var first = await FakeAgent.StartAsync(_store);
        await using var second = await FakeAgent.StartAsync(_store);
        await using var next = await FakeAgent.StartAsync(_store);
        var whole = await GangRun.StartAsync(_store, _store.Order("job-whole", change: GangExactnessTests.Lasting), [next]);
        var expected = (await whole.FinishAsync()).Result.WeightsSha256;
        var lost = await GangRun.StartAsync(_store, _store.Order("job-lost", 1, GangExactnessTests.Stoppable), [first, second]);
        await lost.CommittedAsync();

        second.Process.Kill();

        Assert.Equal(TrainerProtocol.GangBrokenExitCode, await first.ExitAsync());
        Assert.Contains("lost its gang", await first.Output);
        Assert.DoesNotContain(first.Reports, r => r is JobFailed or JobFinished);
        var rest = await GangRun.StartAsync(_store, _store.Order("job-lost", 2, GangExactnessTests.Stoppable), [next]);
        Assert.True((await rest.AttachedAsync())[0].FromStep > 0);
        Assert.Equal(expected, (await rest.FinishAsync()).Result.WeightsSha256);
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
