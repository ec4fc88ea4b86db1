using FineTuneGrid.Contracts.Training;

namespace FineTuneGrid.TrainerSupport;

/// <summary>One attempt of a job on the first trainers of a crew, begun as the control plane does it.</summary>
/// <param name="Workers">Each with an agent of its own; worker 0 first.</param>
internal sealed record GangRun(TrainingOrder Order, IReadOnlyList<FakeAgent> Workers)
{
    public FakeAgent First => Workers[0];

    /// <summary>Worker 0 first; the others when it has told where to meet.</summary>
    /// <param name="address">By which the others reach the worker of a rank; by default all are on this machine.</param>
    public static async Task<GangRun> StartAsync(
        TestStore store, TrainingOrder order, IEnumerable<FakeAgent> workers, double silenceSeconds = 60, Func<int, string>? address = null)
    {
        await store.FenceAsync(order);
        var run = new GangRun(order, [.. workers]);
        var gang = new GangMembership(0, run.Workers.Count, SilenceSeconds: silenceSeconds);
        await run.First.SendAsync(new Attach(order with { Gang = gang with { Host = Host(0) } }));
        if (gang.Size == 1) return run;
        var meeting = await run.First.UntilAsync<JobMeeting>(m => (m.JobId, m.Epoch) == (order.JobId, order.Epoch));
        for (var rank = 1; rank < gang.Size; rank++)
            await run.Workers[rank].SendAsync(new Attach(order with { Gang = gang with { Rank = rank, Host = Host(rank), Meeting = $"{meeting.Host}:{meeting.Port}" } }));
        return run;

        string Host(int rank) => address?.Invoke(rank) ?? GangMembership.Loopback;
    }

    public Task<JobAttached[]> AttachedAsync() => Task.WhenAll(Workers.Select(w => w.UntilAsync<JobAttached>(a => (a.JobId, a.Epoch) == (Order.JobId, Order.Epoch))));

    public Task<JobCommitted> CommittedAsync() => First.UntilAsync<JobCommitted>(c => (c.JobId, c.Epoch) == (Order.JobId, Order.Epoch));

    /// <summary>Trains to the end.</summary>
    public async Task<JobFinished> FinishAsync()
    {
        var finished = First.UntilAsync<JobFinished>(f => f.JobId == Order.JobId);
        await Task.WhenAll(Workers.Skip(1).Select(LeftAsync));
        return await finished;
    }

    /// <summary>Tells one worker to leave at the next step, and waits until all have left; what worker 0 said of it.</summary>
    public async Task<JobDetached> LeaveAsync(int asked)
    {
        await Workers[asked].SendAsync(new Detach(Order.JobId, Order.Epoch, Checkpoint: true, "test"));
        var left = await Task.WhenAll(Workers.Select(LeftAsync));
        Assert.All(left.Skip(1), l => Assert.Null(l.CommittedStep));
        return left[0];
    }

    /// <summary>Digests of weights and optimizer at every commit that was heard of.</summary>
    public List<(int Step, string Weights, string Optimizer)> Commits() =>
        [.. First.Reports.OfType<JobCommitted>().Where(c => c.JobId == Order.JobId).Select(c => (c.Step, c.AdapterSha256, c.OptimizerSha256))];

    private Task<JobDetached> LeftAsync(FakeAgent worker) => worker.UntilAsync<JobDetached>(d => (d.JobId, d.Epoch) == (Order.JobId, Order.Epoch));
}
