using FineTuneGrid.Contracts.Training;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests;

/// <summary>What a trainer could not tell before it was killed is told by the one that goes on from its checkpoint.</summary>
public sealed class RecallTests : IDisposable
{
    private readonly TestStore _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Attach_AfterATrainerThatNobodyHeard_TellsItsCommittedStepsAndCommits()
    {
        await KilledAsync(1, agent => agent.UntilAsync<JobCommitted>(c => c.Step >= 3));
        // The second tells what the first could not, and dies unheard too.
        await KilledAsync(2, agent => agent.UntilAsync<JobCommitted>(c => c.Step >= 6));
        await using var agent = await StartAsync(3);
        var attached = await agent.UntilAsync<JobAttached>();

        var recalled = Assert.Single(agent.Reports.OfType<JobRecalled>());
        Assert.InRange(attached.FromStep, 6, 60);
        Assert.Equal(Enumerable.Range(1, attached.FromStep), recalled.Steps.Select(s => s.Step));
        Assert.Equal(Enumerable.Range(1, attached.FromStep), recalled.Commits.Select(c => c.Step));
        Assert.Equal([1, 2], recalled.Steps.Select(s => s.Attempt).Distinct());
        Assert.Equal(recalled.Steps.Select(s => s.Attempt), recalled.Commits.Select(c => c.Epoch));
    }

    [Fact]
    public async Task Attach_AfterATrainerThatWasHeard_TellsOnlyWhatWasNotAcknowledged()
    {
        var heard = 0;
        await KilledAsync(1, async agent =>
        {
            heard = (await agent.UntilAsync<JobCommitted>(c => c.Step >= 3)).Step;
            await agent.AcknowledgeAsync();
            // Checkpoints that were under way may still hold them.
            await agent.UntilAsync<JobCommitted>(c => c.Step >= heard + 20);
        });
        await using var agent = await StartAsync(2);
        await agent.UntilAsync<JobAttached>();

        var recalled = Assert.Single(agent.Reports.OfType<JobRecalled>());
        Assert.Equal(Enumerable.Range(heard + 1, recalled.Steps.Count), recalled.Steps.Select(s => s.Step));
    }

    private async Task KilledAsync(int epoch, Func<FakeAgent, Task> before)
    {
        await using var agent = await StartAsync(epoch);
        await before(agent);
        agent.Process.Kill();
        await agent.ExitAsync();
    }

    private async Task<FakeAgent> StartAsync(int epoch)
    {
        var order = _store.Order("job-recalled", epoch, json =>
        {
            json["optimizer"]!["epochs"] = 12;
            json["checkpoint"]!["every_steps"] = 1;
        });
        await _store.FenceAsync(order);
        var agent = await FakeAgent.StartAsync(_store);
        await agent.SendAsync(new Attach(order));
        return agent;
    }
}
