using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Pool;

/// <summary>
/// Which jobs there are: one empty blob each (<c>index/jobs/{job}.{org}</c>), and one more while a job is live
/// (<c>index/live/{job}</c>). Writing one twice is harmless, so any number of activations may.
/// </summary>
internal sealed class JobIndex(IBlobStore blobs)
{
    private const string Jobs = "index/jobs/";
    private const string LivePrefix = "index/live/";

    private readonly SortedSet<string> _ids = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _orgs = [];
    private readonly HashSet<string> _live = [];

    /// <summary>Jobs that are not done with.</summary>
    public IReadOnlyCollection<string> Live => _live;

    public async Task LoadAsync(CancellationToken cancellation)
    {
        await foreach (var blob in blobs.ListAsync(Jobs, cancellation))
        {
            var name = blob.Key[Jobs.Length..];
            var dot = name.IndexOf('.');
            if (dot > 0)
                Add(name[..dot], StorageKey.Decode(name[(dot + 1)..]));
        }
        await foreach (var blob in blobs.ListAsync(LivePrefix, cancellation))
            _live.Add(blob.Key[LivePrefix.Length..]);
    }

    public async Task AddAsync(string job, string org)
    {
        if (_live.Contains(job) && _orgs.ContainsKey(job))
            return;
        await Task.WhenAll(blobs.WriteBytesAsync(KeyOf(job, org), default), blobs.WriteBytesAsync(LivePrefix + job, default));
        Add(job, org);
        _live.Add(job);
    }

    public async Task CloseAsync(string job)
    {
        await blobs.DeleteAsync(LivePrefix + job);
        _live.Remove(job);
    }

    /// <summary>A job that was announced and never came to be.</summary>
    public async Task ForgetAsync(string job)
    {
        if (_orgs.Remove(job, out var org))
            await blobs.DeleteAsync(KeyOf(job, org));
        _ids.Remove(job);
        await CloseAsync(job);
    }

    /// <summary>Newest first, those older than <paramref name="after"/>.</summary>
    public JobIndexPage Page(string? org, string? after, int limit) =>
        Page(after is null ? _ids.Reverse() : _ids.GetViewBetween("", after).Reverse().Where(id => id != after), org, limit);

    /// <summary>Of these, the jobs that are not done with: few beside all there are.</summary>
    public JobIndexPage LivePage(string? org, string? after, int limit) =>
        Page(_live.Where(id => after is null || string.CompareOrdinal(id, after) < 0).OrderDescending(StringComparer.Ordinal), org, limit);

    private JobIndexPage Page(IEnumerable<string> newestFirst, string? org, int limit)
    {
        var found = new List<string>();
        string? last = null;
        foreach (var id in newestFirst)
        {
            if (org is not null && _orgs.GetValueOrDefault(id) != org)
                continue;
            if (found.Count == limit)
                return new JobIndexPage(found, last);
            found.Add(last = id);
        }
        return new JobIndexPage(found, null);
    }

    private void Add(string job, string org)
    {
        _ids.Add(job);
        _orgs[job] = org;
    }

    private static string KeyOf(string job, string org) => $"{Jobs}{job}.{StorageKey.Encode(org)}";
}
