using System.Globalization;

namespace Orleans.Dashboard;

/// <summary>The calls of one grain class's method so far.</summary>
internal readonly record struct MethodTotal(string Grain, string Method, long Calls, long Failures, TimeSpan Elapsed);

/// <summary>Calls in one period, or summed over several. Elapsed time in milliseconds.</summary>
internal sealed record CallSum(long Count, long ExceptionCount, double ElapsedTime)
{
    public static CallSum Zero { get; } = new(0, 0, 0);

    public static CallSum operator +(CallSum left, CallSum right) => new(
        left.Count + right.Count, left.ExceptionCount + right.ExceptionCount, left.ElapsedTime + right.ElapsedTime);
}

/// <summary>
/// The calls of the last samples, by grain class and method: differences between the growing totals of the runtime.
/// Thread-safe. Knows no clock: the caller says when a sample was taken.
/// </summary>
internal sealed class CallHistory(int length)
{
    private readonly Lock _lock = new();
    private readonly Queue<Sample> _samples = new();
    private Dictionary<(string Grain, string Method), MethodTotal> _last = [];
    private DateTime? _lastTime;

    public void Add(DateTime time, int activations, IEnumerable<MethodTotal> totals)
    {
        lock (_lock)
        {
            var now = totals.ToDictionary(total => (total.Grain, total.Method));
            var calls = new Dictionary<(string Grain, string Method), CallSum>();
            foreach (var (key, total) in now)
            {
                var before = _last.GetValueOrDefault(key);
                if (total.Calls > before.Calls)
                    calls[key] = new CallSum(
                        total.Calls - before.Calls, total.Failures - before.Failures, (total.Elapsed - before.Elapsed).TotalMilliseconds);
            }

            var seconds = _lastTime is { } last ? (time - last).TotalSeconds : 0;
            _samples.Enqueue(new Sample(time, seconds, activations, calls));
            while (_samples.Count > length)
                _samples.Dequeue();
            _last = now;
            _lastTime = time;
        }
    }

    /// <summary>The seconds that the kept samples cover.</summary>
    public double Seconds => Read(samples => samples.Sum(sample => sample.Seconds));

    /// <summary>Activation counts, oldest first, with zeros for what has not been sampled yet.</summary>
    public int[] Activations => Read(samples =>
        Enumerable.Repeat(0, length - samples.Length).Concat(samples.Select(sample => sample.Activations)).ToArray());

    /// <summary>All calls, by the time of the sample.</summary>
    public Dictionary<string, CallPeriod> All() => Read(samples => Series(samples, static _ => true));

    /// <summary>One grain class's calls, by method and by the time of the sample.</summary>
    public Dictionary<string, Dictionary<string, CallPeriod>> OfGrain(string grain) => Read(samples => samples
        .SelectMany(sample => sample.Calls.Keys)
        .Where(key => key.Grain == grain)
        .Select(key => key.Method)
        .Distinct()
        .ToDictionary(method => $"{grain}.{method}", method => Series(samples, key => key.Grain == grain && key.Method == method)));

    public Dictionary<string, CallSum> ByGrain() => Read(samples => samples
        .SelectMany(sample => sample.Calls)
        .GroupBy(pair => pair.Key.Grain)
        .ToDictionary(group => group.Key, group => group.Select(pair => pair.Value).Aggregate(CallSum.Zero, static (sum, next) => sum + next)));

    public List<MethodSum> ByMethod() => Read(samples => samples
        .SelectMany(sample => sample.Calls)
        .GroupBy(pair => pair.Key)
        .Select(group => MethodSum.Of(group.Key.Grain, group.Key.Method, group.Select(pair => pair.Value).ToArray()))
        .ToList());

    private static Dictionary<string, CallPeriod> Series(Sample[] samples, Func<(string Grain, string Method), bool> filter)
    {
        var series = new Dictionary<string, CallPeriod>(StringComparer.Ordinal);
        foreach (var sample in samples)
        {
            var sum = sample.Calls.Where(pair => filter(pair.Key)).Aggregate(CallSum.Zero, static (total, pair) => total + pair.Value);
            var key = sample.Time.ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture);
            series[key] = new CallPeriod(key, sample.Time, sum.Count, sum.ExceptionCount, sum.ElapsedTime);
        }

        return series;
    }

    private T Read<T>(Func<Sample[], T> read)
    {
        lock (_lock)
            return read([.. _samples]);
    }

    private sealed record Sample(DateTime Time, double Seconds, int Activations, Dictionary<(string Grain, string Method), CallSum> Calls);
}

/// <summary>One period of a series.</summary>
internal sealed record CallPeriod(string PeriodKey, DateTime Period, long Count, long ExceptionCount, double ElapsedTime);

/// <summary>One method over all kept samples.</summary>
internal sealed record MethodSum(string Grain, string Method, long Count, long ExceptionCount, double ElapsedTime, long NumberOfSamples)
{
    public static MethodSum Of(string grain, string method, CallSum[] samples)
    {
        var sum = samples.Aggregate(CallSum.Zero, static (total, next) => total + next);
        return new MethodSum(grain, method, sum.Count, sum.ExceptionCount, sum.ElapsedTime, samples.Length);
    }
}
