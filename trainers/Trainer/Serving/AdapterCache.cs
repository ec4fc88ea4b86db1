using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Models.Lora;

namespace FineTuneGrid.Trainer.Serving;

/// <summary>Adapters that questions use, and those that some used lately. What nobody uses goes when there are too many, the oldest first.</summary>
/// <param name="most">How many may be here.</param>
/// <param name="mostParameters">How many parameters they may have together.</param>
internal sealed class AdapterCache(int most, long mostParameters) : IDisposable
{
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private long _clock;

    private sealed class Entry(LoraAdapter adapter)
    {
        public LoraAdapter Adapter { get; } = adapter;

        public int Users { get; set; }

        public long LastUse { get; set; }
    }

    /// <summary>What tells an adapter from others: its files' digests.</summary>
    public static string KeyOf(IReadOnlyList<SourceFile> files) => string.Join('|', files.Select(f => $"{f.Path}={f.Sha256}").Order(StringComparer.Ordinal));

    /// <summary>The adapter of these files, read where it is not here; to be given back.</summary>
    public LoraAdapter Rent(string key, Func<LoraAdapter> read)
    {
        if (!_entries.TryGetValue(key, out var entry))
        {
            entry = new Entry(read());
            _entries.Add(key, entry);
        }
        entry.Users++;
        entry.LastUse = ++_clock;
        Shrink();
        return entry.Adapter;
    }

    public void Return(string key)
    {
        _entries[key].Users--;
        Shrink();
    }

    public void Dispose()
    {
        foreach (var entry in _entries.Values) entry.Adapter.Dispose();
    }

    private void Shrink()
    {
        while (_entries.Count > most || _entries.Values.Sum(e => e.Adapter.Parameters.Count) > mostParameters)
        {
            var (key, oldest) = _entries.Where(e => e.Value.Users == 0).OrderBy(e => e.Value.LastUse).FirstOrDefault();
            if (oldest is null) return;
            _entries.Remove(key);
            oldest.Adapter.Dispose();
        }
    }
}
