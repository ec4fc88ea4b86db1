using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Quotas;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Gateway.Hub;

/// <summary>Where a caller's push goes.</summary>
public sealed record HubTarget(Principal Caller, string Org, string Name)
{
    public override string ToString() => $"{Org}/{Name}";
}

/// <summary>
/// Pushes of Hub clients. Objects arrive before the commit that names them, in a folder of drafts; the commit makes them a base
/// model or a version of an adapter, by the checks that every model and adapter passes. One commit is one version.
/// </summary>
public sealed class HubPush(IBlobStore store, HubRepos repos, AdapterPush adapters, AssetService assets, QuotaGate quotas)
{
    private const string AdapterConfig = "adapter_config.json";
    private const string Weights = "adapter_model.safetensors";
    private const string ModelConfig = "config.json";

    /// <summary>Files that mean something to git or are the registry's own: left out.</summary>
    private static readonly string[] Ignored = [".gitattributes", ".gitignore", AdapterManifest.FileName];

    public static bool IsIgnored(string path) => Ignored.Contains(path);

    public static string KeyOf(HubTarget target, string sha256) => $"{PrefixOf(target)}/objects/{sha256}";

    /// <summary>What a name stands for; null where it is free. An adapter takes further versions, a base model is final.</summary>
    public async Task<HubRepo?> ExistingAsync(HubTarget target) => await repos.FindOrNullAsync(target.Caller, target.Org, target.Name);

    public async Task<bool> HasAsync(string key, long size, CancellationToken ct) => await store.StatAsync(key, ct) is { } info && info.Length == size;

    /// <summary>Takes one object; its bytes are held against length and digest before any of them is seen.</summary>
    public async Task ReceiveAsync(HubUpload upload, Stream body, CancellationToken ct)
    {
        using var room = await quotas.ReserveAsync(upload.Org, upload.Size);
        await using var content = new CheckedStream(body, upload.Size, upload.Sha256);
        try
        {
            room.Stored((await store.WriteAsync(upload.Key, content, WriteCondition.IfAbsent, ct)).Length);
        }
        catch (BlobConflictException)
        {
            // The same bytes came before: the key is their digest.
        }
    }

    /// <returns>The commit id of what was registered.</returns>
    public async Task<string> CommitAsync(HubTarget target, HubCommit commit, CancellationToken ct)
    {
        var existing = await ExistingAsync(target);
        if (commit.Parent is { Length: > 0 } parent && existing?.Head.Sha.StartsWith(parent, StringComparison.Ordinal) != true)
            throw new GridException(ErrorCodes.PreconditionFailed, $"{target} is no longer at {parent} but at {existing?.Head.Sha ?? "nothing"}; pull it and commit again.", "parentCommit");
        if (existing is { IsModel: true })
            throw new GridException(ErrorCodes.Conflict, $"The model '{target}' is committed and can no longer change; delete it or choose another name.", "name");
        // What the registry writes itself, the card above all, is no part of what was pushed.
        var files = (existing?.Head.Files ?? []).Where(f => f.Path is AdapterConfig or Weights).ToDictionary(f => f.Path, StringComparer.Ordinal);
        foreach (var change in commit.Changes) await ApplyAsync(files, target, change, ct);
        var sha = await RegisterAsync(target, [.. files.Values.OrderBy(f => f.Path, StringComparer.Ordinal)], ct);
        await foreach (var blob in store.ListAsync(PrefixOf(target) + "/", ct)) await store.DeleteAsync(blob.Key, cancellation: ct);
        return sha;
    }

    private async Task<string> RegisterAsync(HubTarget target, IReadOnlyList<SourceFile> files, CancellationToken ct)
    {
        if (files.Any(f => f.Path == AdapterConfig))
        {
            if (files.FirstOrDefault(f => !AdapterPush.Accepted.Contains(f.Path)) is { } other)
                throw new GridException(ErrorCodes.InvalidAdapter, $"A pushed adapter consists of {string.Join(", ", AdapterPush.Accepted)}, not {other.Path}; leave it out.", "path");
            return (await adapters.RegisterAsync(target.Caller, new AdapterRef(target.Org, target.Name), files, null, ct)).Revision;
        }
        if (files.Any(f => f.Path == ModelConfig))
            return ((ModelView)await assets.RegisterAsync(AssetKind.Model, target.Org, target.Name, files, ct)).Manifest!.Digest[..HubRevision.ShaLength];
        throw new GridException(ErrorCodes.InvalidRequest,
            $"A commit is a whole model (with {ModelConfig}) or a whole adapter (with {AdapterConfig}); this one is neither. Push all files in one commit.", "path");
    }

    private async Task ApplyAsync(Dictionary<string, SourceFile> files, HubTarget target, HubChange change, CancellationToken ct)
    {
        if (IsIgnored(change.Path)) return;
        if (change.Content is { } bytes)
        {
            var digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
            await ReceiveAsync(new HubUpload(target.Org, KeyOf(target, digest), digest, bytes.Length), new MemoryStream(bytes), ct);
            files[change.Path] = new SourceFile(change.Path, KeyOf(target, digest), bytes.Length, digest);
        }
        else if (change.Sha256 is { } sha)
        {
            var info = await store.StatAsync(KeyOf(target, sha), ct)
                ?? throw new GridException(ErrorCodes.InvalidValue, $"{change.Path}: its object {sha} was not uploaded; upload it before the commit.", "path");
            files[change.Path] = new SourceFile(change.Path, KeyOf(target, sha), info.Length, sha);
        }
        else
        {
            foreach (var path in files.Keys.Where(p => p == change.Path || (change.Path.EndsWith('/') && p.StartsWith(change.Path, StringComparison.Ordinal))).ToList()) files.Remove(path);
        }
    }

    private static string PrefixOf(HubTarget target) =>
        AdapterPush.DraftsOf(target.Org) + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"hub\n{target}")))[..40];
}
