namespace FineTuneGrid.Scheduling.Simulation;

/// <summary>Something that runs, can stop for a while, and can die with everything that it had in memory.</summary>
internal sealed class SimProcess
{
    public bool Alive { get; private set; } = true;

    /// <summary>Which life this is; what was meant for an earlier one is dropped.</summary>
    public int Generation { get; private set; }

    public long PausedUntil { get; set; }

    /// <summary>Wall clock minus true time, milliseconds.</summary>
    public long Skew { get; set; }

    public void Kill()
    {
        Alive = false;
        Generation++;
        PausedUntil = 0;
    }

    public void Restart() => Alive = true;
}

/// <summary>Virtual time and the queue of what happens next. Every event goes into the trace hash.</summary>
internal sealed class SimClock
{
    private const int SequenceBits = 22;

    private readonly PriorityQueue<Entry, ulong> _queue = new();
    private ulong _sequence;

    private readonly record struct Entry(SimProcess? Process, int Generation, Action Act);

    public long Now { get; private set; }

    public long Events { get; private set; }

    public ulong Hash { get; private set; } = 0xCBF29CE484222325UL;

    public void Post(SimProcess? process, long delay, Action act) => Add(process, process?.Generation ?? 0, Now + Math.Max(0, delay), act);

    /// <summary>Adds to the trace.</summary>
    public void Note(ulong what) => Hash = (Hash ^ what) * 0x100000001B3UL;

    /// <summary>Runs the next event; false where none is left.</summary>
    public bool Step()
    {
        if (!_queue.TryDequeue(out var entry, out var key))
            return false;
        Now = (long)(key >> SequenceBits);
        if (entry.Process is { } process)
        {
            if (!process.Alive || process.Generation != entry.Generation)
                return true;
            if (process.PausedUntil > Now)
            {
                Add(process, entry.Generation, process.PausedUntil, entry.Act);
                return true;
            }
        }
        Events++;
        Note(key);
        entry.Act();
        return true;
    }

    private void Add(SimProcess? process, int generation, long at, Action act) =>
        _queue.Enqueue(new(process, generation, act), ((ulong)at << SequenceBits) | (_sequence++ & ((1UL << SequenceBits) - 1)));
}
