using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Grains.Planning;
using FineTuneGrid.Scheduling;

namespace FineTuneGrid.Grains.Pool;

/// <summary>The grid's words in the scheduler's language, and back.</summary>
internal static class PoolEvents
{
    private const string HardwareLabel = "hardware";
    private const string Present = "yes";

    public static JobRequest Request(QueuedJob job) => new()
    {
        Id = job.JobId,
        Org = job.Org,
        Queue = job.Queue,
        Priority = job.Priority,
        Workers = job.Workers,
        MinWorkers = job.MinWorkers,
        Device = job.Device == "cuda" ? SlotDevice.Cuda : SlotDevice.Cpu,
        BaseMemoryBytes = job.BaseBytes,
        JobMemoryBytes = job.MemoryBytes,
        BaseDigest = job.BaseDigest ?? "",
        SessionKey = job.SessionKey,
        Preemptible = job.Preemptible,
        WorkMs = Milliseconds(job.RemainingSeconds),
        Labels = Needs(job),
    };

    public static JobReleased Released(PlacementRelease release)
    {
        var (reason, kind) = release.Kind switch
        {
            ReleaseKind.Finished => (ReleaseReason.Finished, FailureKind.None),
            ReleaseKind.Cancelled => (ReleaseReason.Cancelled, FailureKind.None),
            ReleaseKind.Paused => (ReleaseReason.Paused, FailureKind.None),
            ReleaseKind.Preempted => (ReleaseReason.Preempted, FailureKind.None),
            ReleaseKind.NodeLost => (ReleaseReason.Lost, FailureKind.None),
            ReleaseKind.Refused => (ReleaseReason.Refused, FailureKind.None),
            ReleaseKind.UserError => (ReleaseReason.Failed, FailureKind.UserError),
            ReleaseKind.TrainerCrash => (ReleaseReason.Failed, FailureKind.TrainerCrash),
            ReleaseKind.Configuration => (ReleaseReason.Failed, FailureKind.Configuration),
            _ => (ReleaseReason.Failed, FailureKind.Transient),
        };
        return new JobReleased(release.JobId, release.PlacementId, reason) { Kind = kind, Code = release.Code, Message = release.Message };
    }

    public static JobRecovered Recovered(JobStanding standing) => new(Request(standing.Request!))
    {
        Placement = standing.Placement is { } p
            ? new Placement { Id = p.PlacementId, Session = p.SessionId, Slots = SlotsOf(p), Epoch = standing.Epoch }
            : null,
        Paused = standing.Paused,
        WaitingSince = standing.Request!.SubmittedAt.ToUnixTimeMilliseconds(),
        WorkLeftMs = Milliseconds(standing.RemainingSeconds),
        CommittedStep = standing.CommittedStep,
        LastPlacement = standing.LastGrant,
    };

    /// <summary>What a node's word means to the scheduler. A plain renewal is one event; anything else tells all.</summary>
    public static IReadOnlyList<SchedulerEvent> Node(NodeEntry? known, NodeAvailability node)
    {
        if (!node.Alive)
            return known is null ? [] : [new NodeDrain(node.NodeId), new NodeRemoved(node.NodeId)];
        var lease = node.LeaseUntil.ToUnixTimeMilliseconds();
        var slots = node.Slots.Select(Spec).ToArray();
        var events = new List<SchedulerEvent>();
        if (node.Registered || known is null || known.Incarnation < node.Generation || !known.Slots.Select(s => s.Spec).SequenceEqual(slots))
            events.Add(new NodeRegistered(node.NodeId, node.Generation, lease, slots)
            {
                Labels = Offers(node),
                LiveSessions = [.. node.Sessions.Where(s => s.Alive).Select(s => GangSessions.GangOf(s.SessionId)).Distinct()],
            });
        else
            events.Add(new NodeLeaseRenewed(node.NodeId, node.Generation, lease) { Resident = [.. node.Slots.Select(s => ResidentOn(node, s))] });
        if (node.Draining && known is not { Draining: true })
            events.Add(new NodeDrain(node.NodeId));
        if (!node.Draining && known is { Draining: true })
            events.Add(new NodeUndrain(node.NodeId));
        return events;
    }

    /// <summary>
    /// Starts that a machine took and then forgot, as one does whose disk is new: neither alive there nor still to be taken. The
    /// scheduler itself spares what starts, since it cannot know what a node has taken. Of a gang this is its first worker; of the
    /// others only the job knows whether they were sent.
    /// </summary>
    public static IReadOnlyList<SchedulerCommand> LostStarts(SchedulerState state, NodeAvailability node) =>
        [
            .. from job in state.Jobs.Values
               where job.Placement is { State: PlacementState.Starting, Slots: [var first, ..] } p && first.Node == node.NodeId && !Knows(node, p.Session)
               select new StopCommand(job.Id, job.Placement!.Id, StopReason.NodeLost),
        ];

    public static PlacementGrant Grant(GrantCommand grant)
    {
        var first = grant.Slots[0];
        var others = grant.Slots.Skip(1).Select(s => new WorkerSlot(s.Node, s.Slot)).ToArray();
        return new PlacementGrant(grant.Placement, first.Node, first.Slot, grant.Session, others.Length == 0 ? null : others);
    }

    /// <summary>Nodes of the job's placement whose lease is over, and with it every trainer there.</summary>
    public static string[] LostNodes(SchedulerState state, string job) => state.Jobs.TryGetValue(job, out var entry) && entry.Placement is { } placement
        ? [.. placement.Slots.Select(s => s.Node).Distinct().Where(n => state.Nodes.TryGetValue(n, out var node) && node.Lost)]
        : [];

    /// <summary>Whether the session is on the machine, alive or with its end still to be told, or on its way there.</summary>
    public static bool Knows(NodeAvailability node, string session) =>
        node.Sessions.Any(s => s.SessionId == session) || (node.PendingSessions?.Contains(session) ?? false);

    public static string Reason(StopReason reason) => reason switch
    {
        StopReason.Paused => StopReasons.Paused,
        StopReason.Cancelled => StopReasons.Cancelled,
        StopReason.Drained => StopReasons.Drained,
        StopReason.NodeLost => StopReasons.NodeLost,
        StopReason.Isolated => StopReasons.Isolated,
        StopReason.StartTimeout => StopReasons.StartTimeout,
        _ => StopReasons.Preempted,
    };

    public static long Milliseconds(double seconds) => double.IsFinite(seconds) && seconds > 0 ? (long)Math.Min(seconds * 1000, long.MaxValue / 4) : 0;

    private static Dictionary<string, string> Needs(QueuedJob job)
    {
        var labels = new Dictionary<string, string>();
        if (job.Hardware is not null)
            labels[HardwareLabel] = job.Hardware;
        if (job.Workers > 1)
            labels[NodeFeatures.Collectives] = Present;
        return labels;
    }

    private static Dictionary<string, string> Offers(NodeAvailability node)
    {
        var labels = (node.Features ?? []).ToDictionary(f => f, _ => Present);
        if (node.Slots.Count > 0)
            labels[HardwareLabel] = node.Slots[0].Hardware;
        return labels;
    }

    private static SlotRef[] SlotsOf(PlacementGrant p) => [new(p.NodeId, p.Slot), .. (p.Others ?? []).Select(o => new SlotRef(o.NodeId, o.Slot))];

    private static SlotSpec Spec(NodeSlot slot) =>
        new(Placeability.KindOf(slot) == "cuda" ? SlotDevice.Cuda : SlotDevice.Cpu, slot.MemoryBytes, slot.Threads);

    private static IReadOnlyList<string> ResidentOn(NodeAvailability node, NodeSlot slot) =>
        [.. node.Sessions.Where(s => s.Alive && s.Slot == slot.Index).Select(s => s.BaseDigest).OfType<string>()];
}
