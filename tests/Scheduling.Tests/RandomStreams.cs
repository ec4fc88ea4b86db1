namespace FineTuneGrid.Scheduling.Tests;

/// <summary>Random events that a confused but busy grid might send, from a seed.</summary>
internal sealed class RandomStreams(int seed)
{
    private readonly Random _random = new(seed);
    private int _jobs;

    public long Now { get; private set; } = 1_000_000;

    public SchedulerEvent Next(SchedulerState state)
    {
        Now += _random.Next(0, 4_000);
        var job = Pick(state.Jobs.Keys) ?? "none";
        var node = $"n{_random.Next(5)}";
        var placement = state.Jobs.TryGetValue(job, out var entry) && entry.Placement is { } p && _random.Next(10) > 0 ? p.Id : $"p{_random.Next(50)}";
        return _random.Next(20) switch
        {
            0 => new NodeRegistered(node, _random.Next(1, 4), Now + _random.Next(60_000), Slots()),
            1 or 2 => new NodeLeaseRenewed(node, _random.Next(1, 4), Now + 60_000),
            3 => _random.Next(4) > 0 ? new NodeUndrain(node) : new NodeDrain(node, _random.Next(2) == 0),
            4 or 5 or 6 or 7 => new JobQueued(Request()),
            8 or 9 => new JobStarted(job, placement, _random.Next(1, 100)),
            10 or 11 => new JobProgress(job, placement, _random.Next(100_000), _random.Next(100)) { SaveMs = _random.Next(1_000) },
            12 or 13 or 14 => new JobReleased(job, placement, (ReleaseReason)_random.Next(7)) { Kind = (FailureKind)_random.Next(5) },
            15 => _random.Next(3) == 0 ? new JobCancelled(job) : new PriorityChanged(job, _random.Next(4)),
            16 => _random.Next(2) == 0 ? new JobPaused(job) : new JobResumed(job),
            17 => _random.Next(3) switch
            {
                0 => new JobClosed(job),
                1 => new OrgPolicyChanged(new() { Org = $"o{_random.Next(3)}", MaxSlots = _random.Next(2) == 0 ? null : _random.Next(1, 6), Weight = _random.Next(1, 4) }),
                _ => new NodeRemoved(node),
            },
            _ => new Tick(),
        };
    }

    private SlotSpec[] Slots() =>
        [.. Enumerable.Range(0, _random.Next(1, 4)).Select(_ => new SlotSpec((SlotDevice)_random.Next(2), _random.Next(2, 16) * Pool.Gib, 1, _random.Next(1, 4)))];

    private JobRequest Request() => Pool.Request($"j{_jobs++}", $"o{_random.Next(3)}", _random.Next(3), _random.Next(3) == 0 ? _random.Next(2, 5) : 1,
        _random.Next(1_000_000), _random.Next(2) == 0 ? $"k{_random.Next(2)}" : "", $"b{_random.Next(2)}", (SlotDevice)_random.Next(2), _random.Next(1, 5) * Pool.Gib)
        with { Preemptible = _random.Next(4) > 0, MinWorkers = _random.Next(3) };

    private string? Pick(IEnumerable<string> keys)
    {
        var all = keys.ToArray();
        return all.Length == 0 ? null : all[_random.Next(all.Length)];
    }
}
