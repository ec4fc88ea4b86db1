using System.Collections.Immutable;

namespace FineTuneGrid.Scheduling.Simulation;

/// <summary>A message to the pool. <see cref="Done"/> runs once its effect is durable, and says whether the placement that it names is current.</summary>
internal sealed record PoolMessage(SchedulerEvent? Event)
{
    /// <summary>A job to enter into the index; -1 for none.</summary>
    public int Track { get; init; } = -1;

    public Action<bool>? Done { get; init; }
}

internal sealed record JournalEntry(SchedulerEvent? Event, int Track, long At);

internal sealed record Segment(IReadOnlyList<JournalEntry> Entries);

internal sealed record PoolSnapshot(SchedulerState State, ImmutableSortedSet<int> Tracked, int NextSegment);

/// <summary>
/// One activation of the pool: the scheduler, its journal in the store, and the index of live jobs. Commands leave and answers
/// go out when the segment with their events has been written; an activation that cannot write forgets everything.
/// </summary>
internal sealed class PoolActivation(World world, Silo silo)
{
    private const int SnapshotEvery = 24;

    private readonly Queue<PoolMessage> _inbox = new();
    private readonly List<JournalEntry> _batch = [];
    private readonly List<SchedulerCommand> _commands = [];
    private readonly List<(PoolMessage Message, bool Current)> _answers = [];
    private SchedulerState? _state;
    private ImmutableSortedSet<int> _tracked = [];
    private int _next;
    private bool _loading;
    private bool _writing;
    private int _ticks;

    private long Now => world.Clock.Now + silo.Process.Skew;

    public void Receive(PoolMessage message)
    {
        if (_state is null)
        {
            _inbox.Enqueue(message);
            Load();
            return;
        }
        Apply(message);
        Flush();
    }

    public void Tick()
    {
        if (_state is null)
        {
            Load();
            return;
        }
        if (_state.NextDueAt <= Now)
            Receive(new PoolMessage(new Tick()));
        if (_state is null || ++_ticks % 5 != 0)
            return;
        foreach (var job in _tracked)
            world.ToJob(job, new JobMessage(JobMessageKind.Wake));
        // A late "queued" of a job that has long been closed must not stay for ever: ask it too.
        foreach (var id in _state.Jobs.Keys)
            if (world.JobIndex(id) is var job && !_tracked.Contains(job))
                world.ToJob(job, new JobMessage(JobMessageKind.Wake));
    }

    private void Apply(PoolMessage message)
    {
        var before = _state!;
        var current = true;
        if (message.Event is { } e)
        {
            var (after, commands) = Scheduler.Step(before, e, Now);
            var changed = commands.Count > 0 || !after.SameAs(before);
            if (changed)
            {
                if (world.Tracing)
                    world.Trace(() => $"pool on silo {Array.IndexOf(world.Silos, silo)}: {e} -> {string.Join("; ", commands.Select(c => c.ToString()))}");
                _state = world.Guards.HasFlag(Guards.SlotReservation) ? after : Sabotage.ForgetSlots(after, commands);
                _batch.Add(new(e, -1, Now));
                _commands.AddRange(commands);
                world.Monitor.PoolStepped(_state);
            }
            current = IsCurrent(after, e);
            if (e is JobClosed closed && world.JobIndex(closed.Job) is var index && _tracked.Contains(index))
            {
                _tracked = _tracked.Remove(index);
                _batch.Add(new(null, ~index, Now));
            }
        }
        if (message.Track >= 0 && !_tracked.Contains(message.Track))
        {
            _tracked = _tracked.Add(message.Track);
            _batch.Add(new(null, message.Track, Now));
        }
        _answers.Add((message, current));
        if (!world.Guards.HasFlag(Guards.JournalBeforeCommands))
            Release();
    }

    /// <summary>Whether what the event speaks of is what the pool knows: the placement of a start, the life of a node.</summary>
    private static bool IsCurrent(SchedulerState state, SchedulerEvent e) => e switch
    {
        JobStarted s => state.Jobs.TryGetValue(s.Job, out var job) && job.Placement is { State: not PlacementState.Stopping } p && p.Id == s.Placement,
        NodeLeaseRenewed r => state.Nodes.TryGetValue(r.Node, out var node) && node.Incarnation == r.Incarnation && !node.Lost,
        NodeRegistered r => state.Nodes.TryGetValue(r.Node, out var node) && node.Incarnation == r.Incarnation,
        _ => true,
    };

    private void Flush()
    {
        if (_writing)
            return;
        if (_batch.Count == 0)
        {
            Release();
            return;
        }
        _writing = true;
        var segment = new Segment([.. _batch]);
        SchedulerCommand[] commands = [.. _commands];
        (PoolMessage Message, bool Current)[] answers = [.. _answers];
        _batch.Clear();
        _commands.Clear();
        _answers.Clear();
        var snapshot = new PoolSnapshot(_state!, _tracked, _next + 1);
        world.Store.Write(silo.Process, world.Journal.At(_next), segment, world.Guards.HasFlag(Guards.JournalExclusive) ? 0 : null, (outcome, _) =>
        {
            _writing = false;
            if (outcome != WriteOutcome.Done)
            {
                Deactivate();
                return;
            }
            _next++;
            Send(commands, answers);
            if (_next % SnapshotEvery == 0)
                world.Journal.Offer(snapshot);
            if (_batch.Count > 0 || _answers.Count > 0)
                Flush();
        }, (_, _) => world.Durable = snapshot.State);
    }

    private void Release()
    {
        SchedulerCommand[] commands = [.. _commands];
        (PoolMessage Message, bool Current)[] answers = [.. _answers];
        _commands.Clear();
        _answers.Clear();
        Send(commands, answers);
    }

    private void Send(SchedulerCommand[] commands, (PoolMessage Message, bool Current)[] answers)
    {
        foreach (var (message, current) in answers)
            message.Done?.Invoke(current);
        foreach (var command in commands)
            switch (command)
            {
                case GrantCommand grant:
                    world.ToJob(world.JobIndex(grant.Job), new JobMessage(JobMessageKind.Grant) { Grant = grant });
                    break;
                case StopCommand stop:
                    world.ToJob(world.JobIndex(stop.Job), new JobMessage(JobMessageKind.Stop) { Placement = stop.Placement, Stop = stop.Reason });
                    break;
                case FailCommand fail:
                    world.ToJob(world.JobIndex(fail.Job), new JobMessage(JobMessageKind.Fail));
                    break;
            }
    }

    private void Deactivate()
    {
        _state = null;
        _batch.Clear();
        _commands.Clear();
        _answers.Clear();
    }

    /// <summary>Reads the newest snapshot and replays what follows it, one read per segment, until there is no next.</summary>
    private void Load()
    {
        if (_loading)
            return;
        _loading = true;
        if (world.Journal.Destroyed)
        {
            PoolRebuild.Run(world, silo, (state, tracked) => Loaded(state, tracked, world.Journal.NextFree()));
            return;
        }
        var start = world.Journal.Newest ?? new PoolSnapshot(SchedulerState.Create(world.Options), [], 0);
        if (world.Guards.HasFlag(Guards.JournalReplay))
            Replay(start.State, start.Tracked, start.NextSegment);
        else
            Loaded(start.State, start.Tracked, world.Journal.NextFree());
    }

    private void Replay(SchedulerState state, ImmutableSortedSet<int> tracked, int next)
    {
        world.Store.Read(silo.Process, world.Journal.At(next), (ok, segment, _) =>
        {
            if (!ok)
            {
                Failed();
                return;
            }
            if (segment is null)
            {
                Loaded(state, tracked, next);
                return;
            }
            foreach (var entry in segment.Entries)
            {
                if (entry.Event is { } e)
                    state = Scheduler.Step(state, e, entry.At).State;
                else
                    tracked = entry.Track >= 0 ? tracked.Add(entry.Track) : tracked.Remove(~entry.Track);
            }
            Replay(state, tracked, next + 1);
        });
    }

    private void Failed()
    {
        _loading = false;
        _inbox.Clear();
    }

    private void Loaded(SchedulerState? state, ImmutableSortedSet<int> tracked, int next)
    {
        _loading = false;
        if (state is null)
        {
            _inbox.Clear();
            return;
        }
        (_state, _tracked, _next) = (state, tracked, next);
        // Nothing says which commands got through before: what is unanswered is repeated by the tick.
        while (_inbox.TryDequeue(out var message))
            Apply(message);
        Flush();
    }
}
