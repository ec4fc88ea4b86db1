using System.Collections.Concurrent;
using System.Globalization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Organisations;
using Orleans;

namespace FineTuneGrid.Gateway.Quotas;

/// <summary>
/// Refuses uploads and jobs of an organisation that has used its quota up. Exact for what goes through this process; of what
/// goes through others it learns by its next look at the store. A job that was accepted is never stopped by a quota.
/// </summary>
public sealed class QuotaGate(IGrainFactory grains, UsageScan scan, TimeProvider time)
{
    private const int Named = 10;
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, Book> _books = new();

    /// <summary>What an organisation keeps, and its quota.</summary>
    /// <param name="fresh">Look now.</param>
    public async Task<OrgUsageView> UsageAsync(string org, bool fresh = true)
    {
        var book = await LookAsync(org, fresh);
        return new OrgUsageView(org, book.Ledger.Used, await QuotaAsync(org), book.Usage!.Bytes, [.. book.Usage.Things.Take(Named)]);
    }

    /// <summary>Room for an upload. Dispose of it when the upload has ended, after saying what was stored.</summary>
    /// <param name="bytes">Null where the sender does not say.</param>
    /// <exception cref="GridException"><c>quota_exceeded</c></exception>
    public async Task<QuotaRoom> ReserveAsync(string org, long? bytes)
    {
        if (await QuotaAsync(org) is not { } quota) return QuotaRoom.Unlimited;
        var book = await LookAsync(org, fresh: false);
        if (!book.Ledger.TryReserve(bytes ?? 0, quota))
        {
            // What was deleted lately makes room at once.
            book = await LookAsync(org, fresh: true);
            if (!book.Ledger.TryReserve(bytes ?? 0, quota)) throw Refusal(org, quota, book, bytes);
        }
        var most = bytes ?? quota - book.Ledger.Used;
        return new QuotaRoom(most, () => Refusal(org, quota, book, null), stored => book.Ledger.Settle(bytes ?? 0, stored, time.GetUtcNow()));
    }

    /// <exception cref="GridException"><c>quota_exceeded</c>: nothing is left.</exception>
    public async Task RequireRoomAsync(string org)
    {
        using (await ReserveAsync(org, 0))
        {
        }
    }

    private Task<long?> QuotaAsync(string org) => grains.GetGrain<IOrgGrain>(org).Quota();

    private async Task<Book> LookAsync(string org, bool fresh)
    {
        var book = _books.GetOrAdd(org, _ => new Book());
        await book.Turn.WaitAsync();
        try
        {
            var began = time.GetUtcNow();
            if (book.Usage is not null && !fresh && began - book.At < LookEvery) return book;
            book.Usage = await scan.RunAsync(org);
            book.At = began;
            book.Ledger.Scanned(book.Usage.Bytes.Total(), began);
            return book;
        }
        finally
        {
            book.Turn.Release();
        }
    }

    private static GridException Refusal(string org, long quota, Book book, long? bytes)
    {
        var largest = book.Usage!.Things.Where(t => t.Bytes > 0).Take(Named).ToList();
        var more = bytes > 0 ? $", too much for {Size(bytes.Value)} more" : "";
        var advice = largest.Count == 0 ? "" : $"Delete what is not needed, such as {string.Join(", ", largest.Take(3).Select(t => $"{t.Kind} {t.Name} ({Size(t.Bytes)})"))}, or ask";
        return new GridException(
            ErrorCodes.QuotaExceeded,
            $"Organisation '{org}' uses {Size(book.Ledger.Used)} of its quota of {Size(quota)}{more}. {(advice.Length == 0 ? "Ask" : advice)} an admin for more.", "org")
        {
            Findings = [.. largest.Select(t => new GridFinding($"{t.Kind} {t.Name}", $"{t.Kind} {t.Name}: {Size(t.Bytes)} ({t.Bytes} bytes)"))],
        };
    }

    private static string Size(long bytes)
    {
        string[] units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
        var (size, unit) = ((double)bytes, 0);
        while (size >= 1024 && unit < units.Length - 1) (size, unit) = (size / 1024, unit + 1);
        return $"{size.ToString("0.##", CultureInfo.InvariantCulture)} {units[unit]}";
    }

    /// <summary>One organisation. Its turn is taken for a look at the store, so that many uploads cause one.</summary>
    private sealed class Book
    {
        public SemaphoreSlim Turn { get; } = new(1, 1);

        public UsageLedger Ledger { get; } = new();

        public Usage? Usage { get; set; }

        public DateTimeOffset At { get; set; }
    }
}
