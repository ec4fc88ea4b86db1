using System.Runtime.CompilerServices;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Audit;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Gateway.Audit;

/// <summary>What is looked for in the audit log.</summary>
/// <param name="Since">Inclusive.</param>
/// <param name="Until">Exclusive.</param>
/// <param name="Org">The organisation of the keys that were used; null for all.</param>
/// <param name="Key">The id of the key that was used; null for all.</param>
public sealed record AuditQuery(DateTimeOffset Since, DateTimeOffset Until, string? Org = null, string? Key = null)
{
    public bool Matches(AuditRecord record) =>
        record.At >= Since && record.At < Until && (Org is null || record.Org == Org) && (Key is null || record.Key == Key);
}

/// <summary>Reads the audit log in the order in which it was written: that of time, to within what gateways' clocks differ by.</summary>
public sealed class AuditReader(IBlobStore store)
{
    /// <summary>By so much a record may have been written later than it was made, where the store did not answer.</summary>
    private static readonly TimeSpan Late = TimeSpan.FromHours(1);

    /// <param name="after">The cursor of the page before; null to begin.</param>
    /// <returns>At most <paramref name="limit"/> records, and the cursor of what follows, or null where nothing does.</returns>
    /// <exception cref="GridException"><c>invalid_value</c>: <paramref name="after"/> is no cursor.</exception>
    public async Task<(IReadOnlyList<AuditRecord> Records, string? Next)> ReadAsync(AuditQuery query, string? after, int limit, CancellationToken ct)
    {
        var seen = after is null ? null
            : AuditCursor.Parse(after) ?? throw new GridException(ErrorCodes.InvalidValue, "after must be the next of an earlier page.", "after");
        var (page, last) = (new List<AuditRecord>(), seen);
        await foreach (var (record, at) in RecordsAsync(query, seen, ct))
        {
            if (page.Count == limit) return (page, last!.ToString());
            page.Add(record);
            last = at;
        }
        return (page, null);
    }

    private async IAsyncEnumerable<(AuditRecord Record, AuditCursor At)> RecordsAsync(AuditQuery query, AuditCursor? seen, [EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var segment in SegmentsAsync(query, seen, ct))
        {
            // Housekeeping may have taken it away since it was listed.
            if (await store.ReadAllBytesAsync(segment, cancellation: ct) is not var (_, bytes)) continue;
            var line = 0;
            foreach (var record in Lines(bytes))
            {
                var at = new AuditCursor(segment, line++);
                if ((segment != seen?.Segment || at.Line > seen.Line) && query.Matches(record)) yield return (record, at);
            }
        }
    }

    private async IAsyncEnumerable<string> SegmentsAsync(AuditQuery query, AuditCursor? seen, [EnumeratorCancellation] CancellationToken ct)
    {
        var first = AuditSegments.First(query.Since);
        if (seen is not null && string.CompareOrdinal(seen.Segment, first) > 0) first = seen.Segment;
        var last = AuditSegments.First(query.Until + Late);
        for (var day = query.Since.UtcDateTime.Date; day <= (query.Until + Late).UtcDateTime; day = day.AddDays(1))
        {
            var prefix = AuditSegments.DayPrefix(day);
            if (seen is not null && string.CompareOrdinal(prefix, seen.Segment) < 0 && !seen.Segment.StartsWith(prefix, StringComparison.Ordinal)) continue;
            await foreach (var blob in store.ListAsync(prefix, ct))
            {
                if (string.CompareOrdinal(blob.Key, first) >= 0 && string.CompareOrdinal(blob.Key, last) < 0) yield return blob.Key;
            }
        }
    }

    private static List<AuditRecord> Lines(byte[] bytes)
    {
        var records = new List<AuditRecord>();
        foreach (var line in bytes.AsSpan().Split((byte)'\n'))
        {
            if (bytes.AsSpan()[line] is { IsEmpty: false } text) records.Add(GridJson.Parse<AuditRecord>(text));
        }
        return records;
    }
}
