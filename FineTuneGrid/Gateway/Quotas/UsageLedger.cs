namespace FineTuneGrid.Gateway.Quotas;

/// <summary>
/// What one organisation uses, between two looks at the store: what the last look found, what was stored since it began, and what
/// is being sent. What a look may or may not have seen counts twice rather than not at all. Safe for any number of threads.
/// </summary>
public sealed class UsageLedger
{
    private readonly Lock _gate = new();
    private readonly List<(DateTimeOffset At, long Bytes)> _stored = [];
    private long _scanned;
    private long _reserved;

    public long Used
    {
        get
        {
            lock (_gate)
                return _scanned + _reserved + _stored.Sum(s => s.Bytes);
        }
    }

    /// <param name="began">Before the look listed anything: what was complete by then is in it.</param>
    public void Scanned(long bytes, DateTimeOffset began)
    {
        lock (_gate)
        {
            _scanned = bytes;
            _stored.RemoveAll(s => s.At < began);
        }
    }

    /// <summary>Takes room; false, and nothing is taken, where it would not do.</summary>
    public bool TryReserve(long bytes, long quota)
    {
        lock (_gate)
        {
            // Full is full, also for nothing.
            var used = _scanned + _reserved + _stored.Sum(s => s.Bytes);
            if (used >= quota || bytes > quota - used) return false;
            _reserved += bytes;
            return true;
        }
    }

    /// <summary>The end of what was reserved: <paramref name="stored"/> bytes came of it.</summary>
    public void Settle(long reserved, long stored, DateTimeOffset now)
    {
        lock (_gate)
        {
            _reserved -= reserved;
            if (stored > 0) _stored.Add((now, stored));
        }
    }
}
