using System.Collections.Immutable;

namespace FineTuneGrid.Scheduling.Simulation;

/// <summary>The pool's journal in the store: numbered segments, and the newest snapshot.</summary>
internal sealed class Journal
{
    private readonly List<Cell<Segment>> _segments = [];

    public PoolSnapshot? Newest { get; private set; }

    /// <summary>The journal is gone: the next activation builds the pool from what the jobs know.</summary>
    public bool Destroyed { get; set; }

    public Cell<Segment> At(int number)
    {
        while (_segments.Count <= number)
            _segments.Add(new());
        return _segments[number];
    }

    public int NextFree()
    {
        var next = _segments.Count;
        while (next > 0 && _segments[next - 1].Value is null)
            next--;
        return next;
    }

    public void Offer(PoolSnapshot snapshot)
    {
        if (Newest is null || Newest.NextSegment < snapshot.NextSegment)
            Newest = snapshot;
    }

    /// <summary>Starts over from a rebuilt state; false where another activation has done so first.</summary>
    public bool Restart(PoolSnapshot snapshot)
    {
        if (!Destroyed)
            return false;
        Newest = snapshot;
        Destroyed = false;
        return true;
    }
}

/// <summary>Builds the pool again from the jobs' own states after its journal was lost.</summary>
internal static class PoolRebuild
{
    public static void Run(World world, Silo silo, Action<SchedulerState?, ImmutableSortedSet<int>> done)
    {
        var now = world.Clock.Now + silo.Process.Skew;
        Next(world, silo, SchedulerState.Create(world.Options, firstId: now), [], 0, now, done);
    }

    private static void Next(World world, Silo silo, SchedulerState state, ImmutableSortedSet<int> tracked, int job, long now,
        Action<SchedulerState?, ImmutableSortedSet<int>> done)
    {
        if (job == world.JobDocs.Length)
        {
            foreach (var policy in world.OrgPolicies)
                state = Scheduler.Step(state, new OrgPolicyChanged(policy), now).State;
            if (world.Journal.Restart(new PoolSnapshot(state, tracked, world.Journal.NextFree())))
                done(state, tracked);
            else
                done(null, []);
            return;
        }
        world.Store.Read(silo.Process, world.JobDocs[job], (ok, doc, _) =>
        {
            if (!ok)
            {
                done(null, []);
                return;
            }
            if (doc is { Phase: not SimPhase.Terminal })
            {
                tracked = tracked.Add(job);
                if (doc.Phase != SimPhase.Publishing)
                    state = Scheduler.Step(state, Recovered(world.Requests[job], doc), now).State;
            }
            Next(world, silo, state, tracked, job + 1, now, done);
        });
    }

    private static JobRecovered Recovered(JobRequest request, JobDoc doc) => new(request)
    {
        Paused = doc.WantsPause,
        Placement = doc.Placement.Length == 0 ? null : new Placement { Id = doc.Placement, Session = doc.Session, Slots = doc.Slots, Epoch = doc.Epoch },
    };
}

/// <summary>What the scheduler would do without one of its rules.</summary>
internal static class Sabotage
{
    /// <summary>Places the job, but leaves its slots marked as free.</summary>
    public static SchedulerState ForgetSlots(SchedulerState state, IReadOnlyList<SchedulerCommand> commands)
    {
        var edit = new Edit(state);
        foreach (var grant in commands.OfType<GrantCommand>())
            edit.SetSlots(grant.Slots, null, null);
        return edit.State;
    }
}
