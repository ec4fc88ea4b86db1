using System.Collections.Concurrent;

namespace FineTuneGrid.Gateway.Telemetry;

/// <summary>
/// How many requests there were and how long they took, by route pattern and class of status. Labels come from the mapped routes
/// alone, never from a request, so that nobody can make more of them.
/// </summary>
public sealed class RequestMetrics
{
    private const string Name = "ftg_http_request_duration_seconds";
    private const string NoRoute = "none";
    private static readonly double[] Bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

    private readonly ConcurrentDictionary<(string Route, string Status), Series> _series = new();

    public void Record(RouteEndpoint? endpoint, int status, TimeSpan duration) =>
        _series.GetOrAdd((endpoint?.RoutePattern.RawText ?? NoRoute, $"{Math.Clamp(status / 100, 1, 5)}xx"), _ => new Series()).Add(duration.TotalSeconds);

    public void Write(PrometheusText text)
    {
        text.Family(Name, "histogram", "Time from a request's arrival to the end of its answer; streams last as long as their readers.");
        foreach (var ((route, status), series) in _series.OrderBy(s => s.Key.Route, StringComparer.Ordinal).ThenBy(s => s.Key.Status, StringComparer.Ordinal))
        {
            var (counts, sum) = series.Read();
            var seen = 0L;
            for (var i = 0; i < counts.Length; i++)
            {
                seen += counts[i];
                text.Sample(Name + "_bucket", seen, ("route", route), ("status", status), ("le", i < Bounds.Length ? PrometheusText.Number(Bounds[i]) : "+Inf"));
            }
            text.Sample(Name + "_sum", sum, ("route", route), ("status", status));
            text.Sample(Name + "_count", seen, ("route", route), ("status", status));
        }
    }

    /// <summary>Counts by bucket (the last one is unbounded) and their sum, changed together so that a reader never sees half an observation.</summary>
    private sealed class Series
    {
        private readonly Lock _lock = new();
        private readonly long[] _counts = new long[Bounds.Length + 1];
        private double _sum;

        public void Add(double seconds)
        {
            var at = Array.FindIndex(Bounds, b => seconds <= b);
            lock (_lock)
            {
                _counts[at < 0 ? Bounds.Length : at]++;
                _sum += seconds;
            }
        }

        public (long[] Counts, double Sum) Read()
        {
            lock (_lock)
            {
                return ([.. _counts], _sum);
            }
        }
    }
}
