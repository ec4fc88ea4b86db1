using System.Globalization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Jobs;

/// <summary>
/// The older part of a job's event log: immutable segments <c>jobs/{id}/events/{first}-{last}.{highest step}.json</c>. A segment
/// holds only entries that the job's state already held durably, so writing it twice writes the same bytes.
/// </summary>
internal sealed class JobEventStore(IBlobStore blobs, string jobId)
{
    /// <summary>Events and steps that the tail may hold before it becomes a segment.</summary>
    public const int TailWeight = 128;

    private readonly string _prefix = $"jobs/{jobId}/events/";
    private List<Segment>? _segments;

    /// <summary>The number of a segment's last event; null for a key that is no segment's.</summary>
    public static long? LastOf(string key) => Segment.Parse(key)?.Last;

    public static int Weight(IReadOnlyList<JobEvent> tail) =>
        tail.Count + tail.Sum(e => e.Type == EventTypes.Metrics && e.Data is { } data ? data.GetProperty("steps").GetArrayLength() : 0);

    /// <summary>Writes a tail as one segment and returns the log without it, to be saved next.</summary>
    public async Task<Func<EventLog, EventLog>> FlushAsync(EventLog log)
    {
        var (first, last) = (log.Tail[0].Seq, log.Tail[^1].Seq);
        var highest = log.Tail.SelectMany(StepsOf).Select(s => s.Step).DefaultIfEmpty(0).Max();
        var segment = new Segment($"{_prefix}{first:D12}-{last:D12}.{highest}.json", first, last, highest);
        await blobs.WriteJsonAsync(segment.Key, log.Tail, options: GridJson.Options);
        if (_segments is not null && !_segments.Contains(segment))
            _segments.Add(segment);
        return now => now.Flushed >= last ? now : now with { Flushed = last, Tail = [.. now.Tail.Where(e => e.Seq > last)] };
    }

    public async Task<List<JobEvent>> ReadAsync(EventLog log, long after, int limit)
    {
        var found = new List<JobEvent>();
        var next = after;
        foreach (var segment in await SegmentsAsync(log, s => s.Last > after && s.First <= log.Flushed))
        {
            if (segment.Last <= next)
                continue;
            foreach (var entry in await LoadAsync(segment))
                if (entry.Seq > next && entry.Seq <= log.Flushed && found.Count < limit)
                    (found, next) = (Add(found, entry), entry.Seq);
            if (found.Count >= limit)
                return found;
        }
        found.AddRange(log.Tail.Where(e => e.Seq > next).Take(limit - found.Count));
        return found;
    }

    /// <summary>The steps above <paramref name="afterStep"/> that no later attempt went back behind, in order.</summary>
    public async Task<List<StepMetrics>> MetricsAsync(EventLog log, int afterStep, int limit, int committedStep)
    {
        var found = new List<StepMetrics>();
        var step = afterStep;
        foreach (var segment in await SegmentsAsync(log, s => s.HighestStep > afterStep && s.First <= log.Flushed))
        {
            Take(await LoadAsync(segment));
            if (found.Count >= limit)
                return found;
        }
        Take(log.Tail);
        return found;

        void Take(IEnumerable<JobEvent> events)
        {
            foreach (var metrics in events.SelectMany(StepsOf))
                if (metrics.Step > step && found.Count < limit && !IsVoid(log, metrics))
                    (found, step) = (Add(found, metrics with { Provisional = metrics.Step > committedStep }), metrics.Step);
        }
    }

    private static bool IsVoid(EventLog log, StepMetrics metrics) =>
        log.Attempts.Any(a => a.Attempt > metrics.Attempt && a.FromStep < metrics.Step);

    private static IEnumerable<StepMetrics> StepsOf(JobEvent entry) =>
        entry.Type == EventTypes.Metrics && entry.Data is { } data ? GridJson.Parse<MetricsData>(data.GetRawText()).Steps : [];

    private static List<T> Add<T>(List<T> list, T item)
    {
        list.Add(item);
        return list;
    }

    private async Task<List<JobEvent>> LoadAsync(Segment segment) =>
        await blobs.ReadJsonAsync<List<JobEvent>>(segment.Key, GridJson.Options) is var (_, events)
            ? events
            : throw new GridException(ErrorCodes.Internal, $"A part of the event log of {jobId} is missing ({segment.Key}).");

    private async Task<IReadOnlyList<Segment>> SegmentsAsync(EventLog log, Func<Segment, bool> which)
    {
        if (log.Flushed == 0)
            return [];
        if (_segments is null)
        {
            var listed = new List<Segment>();
            await foreach (var blob in blobs.ListAsync(_prefix))
                if (Segment.Parse(blob.Key) is { } segment)
                    listed.Add(segment);
            _segments = listed;
        }
        return [.. _segments.Where(which).OrderBy(s => s.First).ThenBy(s => s.Last)];
    }

    private sealed record Segment(string Key, long First, long Last, int HighestStep)
    {
        public static Segment? Parse(string key)
        {
            var parts = key[(key.LastIndexOf('/') + 1)..].Split('-', '.');
            return parts.Length == 4 && long.TryParse(parts[0], CultureInfo.InvariantCulture, out var first)
                && long.TryParse(parts[1], CultureInfo.InvariantCulture, out var last)
                && int.TryParse(parts[2], CultureInfo.InvariantCulture, out var step)
                ? new Segment(key, first, last, step)
                : null;
        }
    }
}
