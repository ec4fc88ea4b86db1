using FineTuneGrid.Contracts;

namespace FineTuneGrid.Trainer.Session;

/// <summary>
/// Until when this process may work. Monotonic: neither a set clock nor a frame that waited while the process stood still
/// prolongs it. Once over it stays over.
/// </summary>
internal sealed class LeaseClock
{
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private long _deadline;
    private bool _over;

    public LeaseClock(TimeProvider time, double seconds)
    {
        _time = time;
        _deadline = time.GetTimestamp() + Ticks(seconds);
    }

    public TimeSpan Remaining
    {
        get
        {
            lock (_gate)
            {
                var left = _deadline - _time.GetTimestamp();
                _over |= left <= 0;
                return _over ? TimeSpan.Zero : TimeSpan.FromSeconds(left / (double)_time.TimestampFrequency);
            }
        }
    }

    public bool IsOver => Remaining == TimeSpan.Zero;

    /// <summary>The earlier of the two ends counts; an end before the present one changes nothing.</summary>
    public void Extend(double seconds, long? deadline)
    {
        lock (_gate)
        {
            var until = _time.GetTimestamp() + Ticks(seconds);
            if (deadline is { } stated) until = Math.Min(until, stated);
            if (_deadline - _time.GetTimestamp() <= 0) _over = true;
            if (!_over && until > _deadline) _deadline = until;
        }
    }

    /// <exception cref="GridException"><c>lease_lost</c>: nothing may be stepped or committed any more.</exception>
    public void Require()
    {
        if (IsOver) throw new GridException(ErrorCodes.LeaseLost, "The trainer's lease ended before it was renewed; it stops without a commit.");
    }

    private long Ticks(double seconds) => (long)(seconds * _time.TimestampFrequency);
}
