namespace FineTuneGrid.Scheduling.Simulation;

/// <summary>A blob with its version; version 0 means that it does not exist.</summary>
internal sealed class Cell<T>
    where T : class
{
    public T? Value { get; set; }

    public long ETag { get; set; }
}

internal enum WriteOutcome
{
    Done,
    Conflict,

    /// <summary>No answer: it may or may not have happened, or may yet happen.</summary>
    Unknown,
}

/// <summary>
/// A blob store as its callers see it: operations take effect some time after they are sent, even if the caller has died by
/// then; answers come later, or never.
/// </summary>
internal sealed class ModelStore(SimClock clock, SimRandom random, SimFaults faults)
{
    private const long TimeoutMs = 3_000;
    private long _etags;

    /// <param name="done">False where the read failed.</param>
    public void Read<T>(SimProcess caller, Cell<T> cell, Action<bool, T?, long> done)
        where T : class
    {
        if (faults.StoreFails())
        {
            clock.Post(caller, TimeoutMs, () => done(false, null, 0));
            return;
        }
        var generation = caller.Generation;
        clock.Post(null, faults.StoreDelay(), () =>
        {
            // What was read is on its way now; a caller that is stopped finds it when it wakes, old as it may be.
            var (value, etag) = (cell.Value, cell.ETag);
            if (caller.Generation == generation)
                clock.Post(caller, random.Between(1, 10), () => done(true, value, etag));
        });
    }

    /// <param name="ifMatch">The version to replace, 0 for a new blob; null replaces whatever is there.</param>
    /// <param name="applied">Sees the old and the new value at the moment of effect.</param>
    public void Write<T>(SimProcess caller, Cell<T> cell, T value, long? ifMatch, Action<WriteOutcome, long> done, Action<T?, T>? applied = null)
        where T : class
    {
        var lost = faults.StoreFails();
        var silent = lost && random.Below(2) == 0;
        if (lost && !silent)
        {
            clock.Post(caller, TimeoutMs, () => done(WriteOutcome.Unknown, 0));
            return;
        }
        var generation = caller.Generation;
        clock.Post(null, faults.StoreDelay(), () =>
        {
            var outcome = WriteOutcome.Conflict;
            if (ifMatch is null || ifMatch == cell.ETag)
            {
                applied?.Invoke(cell.Value, value);
                cell.Value = value;
                cell.ETag = ++_etags;
                outcome = WriteOutcome.Done;
            }
            var etag = cell.ETag;
            if (caller.Generation != generation)
                return;
            if (silent)
                clock.Post(caller, TimeoutMs, () => done(WriteOutcome.Unknown, 0));
            else
                clock.Post(caller, random.Between(1, 10), () => done(outcome, etag));
        });
    }
}
