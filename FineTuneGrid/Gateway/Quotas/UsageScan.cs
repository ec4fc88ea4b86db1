using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Organisations;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.OpenAi.Files;
using FineTuneGrid.Gateway.OpenAi.Uploads;
using FineTuneGrid.Storage;
using Orleans;

namespace FineTuneGrid.Gateway.Quotas;

/// <summary>What a look at an organisation's blobs found.</summary>
/// <param name="Things">All that can be deleted, the largest first.</param>
public sealed record Usage(StorageBytes Bytes, IReadOnlyList<StoredThing> Things);

/// <summary>Adds up the blobs of everything that an organisation has a name or a job id for.</summary>
public sealed class UsageScan(IGrainFactory grains, IBlobStore store)
{
    private const int PageSize = 500;

    public async Task<Usage> RunAsync(string org, CancellationToken ct = default)
    {
        var things = new List<StoredThing>();
        var uploads = 0L;
        foreach (var kind in (string[])[Ids.Model, Ids.Dataset, Ids.Adapter])
        {
            foreach (var (name, id) in await grains.GetGrain<IOrgGrain>(org).List(kind))
            {
                var (kept, pieces) = await BytesAsync($"{kind}s/{id}/", ct);
                uploads += pieces;
                things.Add(new StoredThing(kind, kind == Ids.Adapter ? $"{org}/{name}" : name, kept));
            }
        }
        await foreach (var id in JobsAsync(org))
            things.Add(new StoredThing(Ids.Job, id, (await BytesAsync($"jobs/{id}/", ct)).Kept));
        foreach (var prefix in (string[])[AdapterPush.DraftsOf(org), UploadKeys.UploadsOf(org)]) uploads += (await BytesAsync(prefix, ct)).Kept;
        var results = (await BytesAsync(FileKeys.FilesOf(org), ct)).Kept;
        long Of(string kind) => things.Where(t => t.Kind == kind).Sum(t => t.Bytes);
        return new Usage(
            new StorageBytes(Of(Ids.Model), Of(Ids.Dataset), Of(Ids.Adapter), Of(Ids.Job) + results, uploads),
            [.. things.OrderByDescending(t => t.Bytes).ThenBy(t => t.Name, StringComparer.Ordinal)]);
    }

    private async Task<(long Kept, long Pieces)> BytesAsync(string folder, CancellationToken ct)
    {
        var (kept, pieces, uploads) = (0L, 0L, folder + "uploads/");
        await foreach (var blob in store.ListAsync(folder, ct))
        {
            if (blob.Key.StartsWith(uploads, StringComparison.Ordinal)) pieces += blob.Length;
            else kept += blob.Length;
        }
        return (kept, pieces);
    }

    private async IAsyncEnumerable<string> JobsAsync(string org)
    {
        string? after = null;
        do
        {
            var page = await grains.GetGrain<IPoolGrain>(PoolKeys.Default).Jobs(org, after, PageSize);
            foreach (var id in page.JobIds) yield return id;
            after = page.Next;
        }
        while (after is not null);
    }
}
