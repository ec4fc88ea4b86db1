using System.Globalization;
using FineTuneGrid.EndToEnd;

namespace FineTuneGrid.Chaos;

/// <summary>What one kill came to.</summary>
/// <param name="Jobs">The job it was aimed at, and those that kept it waiting.</param>
/// <param name="Recovered">From the kill to the job's next step of a new trainer where its trainer was killed, else to the next event that the control plane wrote down.</param>
/// <param name="Hit">The job was where it should be when it was struck.</param>
internal sealed record KillResult(IReadOnlyList<AcceptedJob> Jobs, TimeSpan Recovered, bool Hit);

/// <summary>Brings a job to a moment, kills a part of the cluster there, and waits until the job goes on.</summary>
internal sealed class KillRun(ChaosCluster cluster, ChaosClient client, JobStream stream)
{
    private static readonly TimeSpan MomentLimit = TimeSpan.FromMinutes(2);

    /// <param name="name">Unique to the kill: part of the names of its adapters.</param>
    public async Task<KillResult> RunAsync(Cell cell, string name, Random random)
    {
        var blockers = cell.Moment == Moment.Queued ? await BlockAsync(name) : [];
        var trap = MomentTraps.Of(cell, random);
        cluster.Gate.Arm(trap);
        try
        {
            var job = await stream.SubmitAsync($"kill/{name}", random.Next(JobStream.Variants));
            var watch = new JobWatch(client, job.Id);
            await ReachAsync(cell, watch, trap, 5 + random.Next(30));
            var node = Math.Max(0, NodeOf(watch));
            Strike(cell.Victim, job.Id, node);
            var killed = DateTimeOffset.UtcNow;
            trap?.Release(pass: random.Next(2) == 0);
            var recovered = await RecoveredAsync(cell, blockers.Count > 0 ? blockers[0].Watch : watch, killed);
            return new KillResult([job, .. blockers.Select(b => b.Job)], recovered, await IsHitAsync(cell, watch, killed));
        }
        finally
        {
            cluster.Gate.Arm(null);
            trap?.Release(pass: true);
        }
    }

    /// <summary>Jobs of other organisations that hold every slot.</summary>
    private async Task<IReadOnlyList<(AcceptedJob Job, JobWatch Watch)>> BlockAsync(string name)
    {
        var blockers = new List<(AcceptedJob Job, JobWatch Watch)>();
        for (var i = 0; i < cluster.Nodes; i++)
        {
            var job = await stream.SubmitAsync(string.Create(CultureInfo.InvariantCulture, $"holder-{i}/{name}"), i % JobStream.Variants);
            blockers.Add((job, new JobWatch(client, job.Id)));
        }
        foreach (var blocker in blockers) await blocker.Watch.UntilAsync(e => e.Status == "starting", "a slot");
        return blockers;
    }

    private static async Task ReachAsync(Cell cell, JobWatch watch, Trap? trap, int step)
    {
        switch (cell.Moment)
        {
            case Moment.Queued:
                await watch.UntilAsync(e => e.Status == "queued", "its place in the queue");
                return;
            case Moment.MidStep:
                await watch.UntilAsync(e => e.Step >= step, $"step {step}");
                return;
        }
        try
        {
            await trap!.Caught.WaitAsync(MomentLimit);
        }
        catch (TimeoutException e)
        {
            await watch.ReadAsync();
            throw new TimeoutException($"the moment of {cell.Name} did not come within {MomentLimit.TotalMinutes} min. {watch.Story()}", e);
        }
        await watch.ReadAsync();
    }

    private static int NodeOf(JobWatch watch) => watch.Node is { } node ? int.Parse(node.AsSpan("node-".Length), CultureInfo.InvariantCulture) : -1;

    private void Strike(Victim victim, string job, int node)
    {
        switch (victim)
        {
            case Victim.Silo: cluster.OwnerOf(job).Process.Signal(ProcessTable.SigKill); break;
            case Victim.OtherSilo: cluster.Controls.First(c => c != cluster.OwnerOf(job)).Process.Signal(ProcessTable.SigKill); break;
            case Victim.Agent: cluster.Agents[node].Signal(ProcessTable.SigKill); break;
            case Victim.Trainer: cluster.KillTrainers(node); break;
            case Victim.Redis: cluster.Redis!.Signal(ProcessTable.SigKill); break;
            case Victim.Store: cluster.CrashStore(); break;
            case Victim.Everything: cluster.KillEverything(); break;
            default: throw new ArgumentOutOfRangeException(nameof(victim), victim, "nobody knows how to kill this");
        }
    }

    private static async Task<TimeSpan> RecoveredAsync(Cell cell, JobWatch watch, DateTimeOffset killed)
    {
        var attempt = watch.Attempt;
        var stepsAnew = cell.Victim is Victim.Trainer or Victim.Everything && cell.Moment is Moment.Starting or Moment.MidStep or Moment.MidUpload or Moment.BeforeCommit;
        // A job that finishes by what was committed takes no step any more.
        var next = await watch.UntilAsync(e => e.Time > killed && (!stepsAnew || JobWatch.AttemptOf(e) > attempt || e.Status == "publishing"), "a sign of life after the kill");
        return next.Time - killed;
    }

    /// <summary>Held requests are proof. Other moments are seen by events, which are a little old when they are read: what came after the kill tells.</summary>
    private static async Task<bool> IsHitAsync(Cell cell, JobWatch watch, DateTimeOffset killed)
    {
        switch (cell.Moment)
        {
            case Moment.Queued: return (await watch.UntilAsync(e => e.Status == "starting", "its start")).Time > killed;
            case Moment.MidStep: return (await watch.UntilAsync(e => e.Status is "publishing", "its last step")).Time > killed;
            default: return true;
        }
    }
}
