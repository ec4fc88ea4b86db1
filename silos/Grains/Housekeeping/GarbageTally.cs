using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Housekeeping;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Housekeeping;

/// <summary>Counts what goes. Safe for any number of threads.</summary>
internal sealed class GarbageTally
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (long Blobs, long Bytes)> _kinds = GarbageKinds.All.ToDictionary(k => k, _ => (0L, 0L));
    private readonly List<HousekeepingItem> _items = [];

    public void Add(string kind, BlobInfo blob)
    {
        lock (_gate)
        {
            var (count, bytes) = _kinds[kind];
            _kinds[kind] = (count + 1, bytes + blob.Length);
            if (_items.Count < HousekeepingReport.MaxItems)
                _items.Add(new HousekeepingItem(blob.Key, kind, blob.Length, blob.Modified));
        }
    }

    public IReadOnlyList<HousekeepingKind> Kinds()
    {
        lock (_gate)
            return [.. GarbageKinds.All.Select(k => new HousekeepingKind(k, _kinds[k].Blobs, _kinds[k].Bytes))];
    }

    public HousekeepingReport Report(bool dryRun, DateTimeOffset at, double seconds, IReadOnlyList<GridFinding> problems)
    {
        var kinds = Kinds();
        lock (_gate)
            return new HousekeepingReport(dryRun, at, seconds, kinds.Sum(k => k.Blobs), kinds.Sum(k => k.Bytes), kinds, [.. _items], [.. problems]);
    }
}
