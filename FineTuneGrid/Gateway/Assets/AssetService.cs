using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Gateway.Quotas;
using FineTuneGrid.Storage;
using Orleans;

namespace FineTuneGrid.Gateway.Assets;

/// <summary>A model or data set, with its own view for the answer.</summary>
public sealed record Asset(string Id, string Org, string Name, AssetStatus Status, IReadOnlyList<SourceFile> Files, object View);

/// <summary>What models and data sets have in common at the door.</summary>
public sealed class AssetService(IGrainFactory grains, NameResolver names, FileUpload uploads, QuotaGate quotas, IBlobStore store, GatewayOptions options, TimeProvider time)
{
    public async Task<(object View, bool Created)> CreateAsync(AssetKind kind, string org, string name, string? license = null)
    {
        await grains.GetGrain<IOrgGrain>(org).Ensure();
        await grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).AddOrg(org);
        var id = await grains.GetGrain<IOrgGrain>(org).Claim(kind.IdKind, name);
        var before = await GetAsync(kind, id);
        if (before is { Status: AssetStatus.Ready or AssetStatus.Inspecting })
            throw new GridException(ErrorCodes.AlreadyExists, $"There is a {kind.Noun} '{name}' in organisation '{org}'; delete it first or choose another name.", "name");
        return (kind == AssetKind.Model ? await grains.GetGrain<IModelGrain>(id).Create(org, name, license) : await grains.GetGrain<IDatasetGrain>(id).Create(org, name, license), before is null);
    }

    public async Task<Asset> FindAsync(AssetKind kind, Principal caller, string nameOrId, string? org) => kind == AssetKind.Model
        ? ToAsset(await names.ModelAsync(caller, nameOrId, org))
        : ToAsset(await names.DatasetAsync(caller, nameOrId, org));

    public async Task<Asset> FindForWriteAsync(AssetKind kind, Principal caller, string nameOrId, string? org)
    {
        var asset = await FindAsync(kind, caller, nameOrId, org);
        return caller.CanWrite(asset.Org) ? asset
            : throw new GridException(ErrorCodes.Forbidden, $"This key may not change the {kind.Noun}s of organisation '{asset.Org}'.");
    }

    /// <summary>What the caller may see, in the order of <c>org/name</c>; only what is returned is asked for its state.</summary>
    /// <param name="after">The <c>org/name</c> to go on behind.</param>
    public async Task<(IReadOnlyList<object> Views, string? Next)> ListAsync(AssetKind kind, Principal caller, string? after = null, int limit = int.MaxValue)
    {
        var all = new List<(string Name, string Id)>();
        foreach (var org in await names.VisibleOrgsAsync(caller))
            all.AddRange((await grains.GetGrain<IOrgGrain>(org).List(kind.IdKind)).Select(p => ($"{org}/{p.Key}", p.Value)));
        var remaining = all.Where(a => after is null || string.CompareOrdinal(a.Name, after) > 0).OrderBy(a => a.Name, StringComparer.Ordinal).ToList();
        var page = remaining.Take(limit).ToList();
        var views = (await Task.WhenAll(page.Select(a => GetAsync(kind, a.Id)))).OfType<Asset>().Select(a => a.View);
        return ([.. views], remaining.Count > page.Count ? page[^1].Name : null);
    }

    public async Task<SourceFile?> ReceiveAsync(HttpContext context, AssetKind kind, Asset asset, string path, CancellationToken ct)
    {
        if (asset.Status is AssetStatus.Ready or AssetStatus.Inspecting)
            throw new GridException(ErrorCodes.Conflict, $"The {kind.Noun} '{asset.Name}' is committed and can no longer change; delete it or choose another name.");
        var file = await uploads.ReceiveAsync(context, asset.Org, $"{kind.Route}/{asset.Id}", path, ct);
        if (file is not null) await AddFileAsync(kind, asset.Id, file);
        return file;
    }

    public async Task<object> CommitAsync(AssetKind kind, string id, string? license) => kind == AssetKind.Model
        ? await grains.GetGrain<IModelGrain>(id).Commit(license)
        : await grains.GetGrain<IDatasetGrain>(id).Commit(license);

    /// <summary>Copies a file, or the files of a folder, that lie below a configured root.</summary>
    public async Task<object> ImportAsync(AssetKind kind, string org, string name, string path, string? license, CancellationToken ct)
    {
        var files = Importable(kind, ImportFolders.Files(options.ImportRoots, path));
        await CreateAsync(kind, org, name);
        var id = await grains.GetGrain<IOrgGrain>(org).Claim(kind.IdKind, name);
        foreach (var file in files)
        {
            var key = $"{kind.Route}/{id}/source/{Ids.New("file", time.GetUtcNow())}";
            await using var stream = File.OpenRead(file);
            using var room = await quotas.ReserveAsync(org, stream.Length);
            var info = await store.WriteAsync(key, stream, WriteCondition.IfAbsent, ct);
            room.Stored(info.Length);
            await AddFileAsync(kind, id, new SourceFile(Path.GetFileName(file), key, info.Length, (await store.Sha256Async(key, ct))!));
        }
        return await CommitAsync(kind, id, license);
    }

    /// <summary>Published folders hold the same weights in several formats; of a model's, pickles stay where safetensors are.</summary>
    private static List<string> Importable(AssetKind kind, IReadOnlyList<string> files)
    {
        var safe = kind == AssetKind.Model && files.Any(f => f.EndsWith(".safetensors", StringComparison.Ordinal));
        List<string> taken = [.. files.Where(f => !(safe && Pickles.Is(f)))];
        taken.ForEach(f => FileUpload.CheckPath(Path.GetFileName(f)));
        return taken;
    }

    /// <summary>Registers files that are in the store under other keys: their bytes are copied. What an earlier, refused attempt left is dropped.</summary>
    public async Task<object> RegisterAsync(AssetKind kind, string org, string name, IReadOnlyList<SourceFile> files, CancellationToken ct)
    {
        await CreateAsync(kind, org, name);
        var id = await grains.GetGrain<IOrgGrain>(org).Claim(kind.IdKind, name);
        if (await GetAsync(kind, id) is { Files.Count: > 0 } left)
        {
            await DeleteAsync(kind, left);
            await CreateAsync(kind, org, name);
            id = await grains.GetGrain<IOrgGrain>(org).Claim(kind.IdKind, name);
        }
        foreach (var file in files)
        {
            var key = $"{kind.Route}/{id}/source/{Ids.New("file", time.GetUtcNow())}";
            await using var content = await store.OpenReadAsync(file.Key, cancellation: ct) ?? throw new GridException(ErrorCodes.NotFound, $"{file.Path} is no longer in the store; upload it again.", "path");
            await using var checkedBytes = new CheckedStream(content.Stream, file.Length, file.Sha256);
            await store.WriteAsync(key, checkedBytes, WriteCondition.IfAbsent, ct);
            await AddFileAsync(kind, id, file with { Key = key });
        }
        return await CommitAsync(kind, id, null);
    }

    public async Task DeleteAsync(AssetKind kind, Asset asset)
    {
        if (kind == AssetKind.Model) await grains.GetGrain<IModelGrain>(asset.Id).Delete();
        else await grains.GetGrain<IDatasetGrain>(asset.Id).Delete();
        await grains.GetGrain<IOrgGrain>(asset.Org).Free(kind.IdKind, asset.Name, asset.Id);
    }

    private Task AddFileAsync(AssetKind kind, string id, SourceFile file) => kind == AssetKind.Model
        ? grains.GetGrain<IModelGrain>(id).AddFile(file)
        : grains.GetGrain<IDatasetGrain>(id).AddFile(file);

    private async Task<Asset?> GetAsync(AssetKind kind, string id) => kind == AssetKind.Model
        ? await grains.GetGrain<IModelGrain>(id).Get() is { } model ? ToAsset(model) : null
        : await grains.GetGrain<IDatasetGrain>(id).Get() is { } dataset ? ToAsset(dataset) : null;

    private static Asset ToAsset(ModelView v) => new(v.Id, v.Org, v.Name, v.Status, v.Files, v);

    private static Asset ToAsset(Contracts.Datasets.DatasetView v) => new(v.Id, v.Org, v.Name, v.Status, v.Files, v);
}
