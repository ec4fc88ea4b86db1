using FineTuneGrid.Contracts.Training;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests.Gangs;

/// <summary>The trainers of one attempt, each with an agent of its own, started as the control plane starts them.</summary>
internal sealed class GangRun : IAsyncDisposable
{
    private GangRun(IReadOnlyList<FakeAgent> workers) => Workers = workers;

    public IReadOnlyList<FakeAgent> Workers { get; }

    public FakeAgent First => Workers[0];

    /// <summary>Worker 0 first; the others when it has told where to meet.</summary>
    public static async Task<GangRun> StartAsync(TestStore store, TrainingOrder order, int size, double silenceSeconds = 60)
    {
        await store.FenceAsync(order);
        var run = new GangRun(await Task.WhenAll(Enumerable.Range(0, size).Select(_ => FakeAgent.StartAsync(store))));
        var gang = new GangMembership(0, size, SilenceSeconds: silenceSeconds);
        await run.First.SendAsync(new Attach(order with { Gang = gang }));
        if (size == 1) return run;
        var meeting = await run.First.UntilAsync<JobMeeting>();
        Assert.Equal((order.JobId, order.Epoch), (meeting.JobId, meeting.Epoch));
        for (var rank = 1; rank < size; rank++)
            await run.Workers[rank].SendAsync(new Attach(order with { Gang = gang with { Rank = rank, Meeting = $"{meeting.Host}:{meeting.Port}" } }));
        return run;
    }

    public Task<T[]> UntilAllAsync<T>()
        where T : TrainerReport => Task.WhenAll(Workers.Select(w => w.UntilAsync<T>()));

    /// <summary>Trains to the end; what was committed on the way, and the result.</summary>
    public async Task<JobFinished> FinishAsync()
    {
        var finished = First.UntilAsync<JobFinished>();
        await Task.WhenAll(Workers.Skip(1).Select(w => w.UntilAsync<JobDetached>()));
        return await finished;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in Workers) await worker.DisposeAsync();
    }
}
