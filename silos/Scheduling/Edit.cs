using System.Globalization;

namespace FineTuneGrid.Scheduling;

/// <summary>One step in progress: the state so far and the commands so far. Entries change only through it, so indexes agree.</summary>
internal sealed class Edit(SchedulerState state)
{
    private readonly List<SchedulerCommand> _commands = [];
    private Dictionary<SlotRef, Reservation>? _reserved;
    private object? _reservedOf;

    public SchedulerState State { get; private set; } = state;

    public IReadOnlyList<SchedulerCommand> Commands => _commands;

    public SchedulerOptions Options => State.Options;

    public SchedulerIndex Index => State.Index;

    public long Now => State.Now;

    /// <summary>Something changed that may let a waiting job start.</summary>
    public bool PassNeeded { get; set; }

    /// <summary>Slots came or went: reservations choose again.</summary>
    public bool SlotsChanged { get; set; }

    /// <summary>A finder on the present state.</summary>
    public SlotFinder Finder()
    {
        if (_reserved is null || !ReferenceEquals(_reservedOf, State.Reservations))
        {
            _reserved = SlotFinder.ReservedSlots(State);
            _reservedOf = State.Reservations;
        }
        return new(State, _reserved);
    }

    public void Emit(SchedulerCommand command) => _commands.Add(command);

    public string NewId(string prefix)
    {
        var id = State.NextId;
        State = State with { NextId = id + 1 };
        return prefix + id.ToString(CultureInfo.InvariantCulture);
    }

    public long NewSequence()
    {
        var id = State.NextId;
        State = State with { NextId = id + 1 };
        return id;
    }

    public void Set(Func<SchedulerState, SchedulerState> change) => State = change(State);

    public JobEntry? Job(string id) => State.Jobs.GetValueOrDefault(id);

    public NodeEntry? Node(string id) => State.Nodes.GetValueOrDefault(id);

    public void Put(JobEntry job)
    {
        var index = Index.Replace(Job(job.Id), job);
        State = State with { Jobs = State.Jobs.SetItem(job.Id, job), Index = index };
    }

    public void Forget(JobEntry job)
    {
        State = State with
        {
            Jobs = State.Jobs.Remove(job.Id),
            Reservations = State.Reservations.Remove(job.Id),
            Index = Index.Replace(job, null),
        };
    }

    public void Put(NodeEntry node)
    {
        var index = Index.Replace(Node(node.Id), node);
        State = State with { Nodes = State.Nodes.SetItem(node.Id, node), Index = index };
    }

    public void Forget(NodeEntry node) =>
        State = State with { Nodes = State.Nodes.Remove(node.Id), Index = Index.Replace(node, null) };

    public void Put(Session session)
    {
        var index = Index.Replace(State.Sessions.GetValueOrDefault(session.Id), session);
        State = State with { Sessions = State.Sessions.SetItem(session.Id, session), Index = index };
    }

    public void Forget(Session session) =>
        State = State with { Sessions = State.Sessions.Remove(session.Id), Index = Index.Replace(session, null) };

    public void Reserve(Reservation reservation) =>
        State = State with { Reservations = State.Reservations.SetItem(reservation.Job, reservation) };

    public void Unreserve(string job)
    {
        if (!State.Reservations.ContainsKey(job))
            return;
        State = State with { Reservations = State.Reservations.Remove(job) };
        PassNeeded = true;
    }

    /// <summary>Marks slots as held by a session, or free; <paramref name="loaded"/> replaces what is resident there.</summary>
    public void SetSlots(IReadOnlyList<SlotRef> slots, string? session, IReadOnlyList<string>? loaded)
    {
        foreach (var at in slots)
        {
            if (Node(at.Node) is not { } node || at.Slot >= node.Slots.Count)
                continue;
            var entries = node.Slots.ToArray();
            entries[at.Slot] = entries[at.Slot] with { Session = session, Resident = loaded ?? entries[at.Slot].Resident };
            Put(node with { Slots = entries });
        }
        SlotsChanged = true;
        PassNeeded |= session is null;
    }

    public SlotEntry? Slot(SlotRef at) =>
        Node(at.Node) is { } node && at.Slot < node.Slots.Count ? node.Slots[at.Slot] : null;
}
