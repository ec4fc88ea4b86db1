using System.Collections.Concurrent;
using System.Diagnostics;

namespace Orleans.Runtime;

/// <summary>Calls of one grain class, by method, since the silo started.</summary>
internal sealed class GrainCounters
{
    private readonly ConcurrentDictionary<string, MethodCounters> _methods = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, MethodCounters> Methods => _methods;

    public void Record(string method, long startTimestamp, bool failed) =>
        _methods.GetOrAdd(method, static _ => new MethodCounters()).Record(Stopwatch.GetElapsedTime(startTimestamp), failed);
}

/// <summary>Calls of one method.</summary>
internal sealed class MethodCounters
{
    private long _calls;
    private long _failures;
    private long _ticks;

    public long Calls => Interlocked.Read(ref _calls);

    public long Failures => Interlocked.Read(ref _failures);

    /// <summary>The sum over all calls of the time from start to end.</summary>
    public TimeSpan Elapsed => TimeSpan.FromTicks(Interlocked.Read(ref _ticks));

    public void Record(TimeSpan elapsed, bool failed)
    {
        Interlocked.Increment(ref _calls);
        Interlocked.Add(ref _ticks, elapsed.Ticks);
        if (failed)
            Interlocked.Increment(ref _failures);
    }
}
