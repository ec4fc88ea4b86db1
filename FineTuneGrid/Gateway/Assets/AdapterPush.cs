using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Storage;
using Orleans;

namespace FineTuneGrid.Gateway.Assets;

/// <summary>
/// Import of an existing PEFT adapter: its files are drafted below the caller's own prefix, checked by the inspector against the
/// base model, and then registered as a version of kind <c>imported</c>.
/// </summary>
public sealed class AdapterPush(IGrainFactory grains, NameResolver names, FileUpload uploads, IBlobStore store, IInspector inspector)
{
    /// <summary>The files of an adapter that are taken; the card is written anew for each version.</summary>
    public static readonly IReadOnlyList<string> Accepted = ["adapter_config.json", "adapter_model.safetensors", "README.md", ClassNames.FileName];

    public async Task<SourceFile?> ReceiveAsync(HttpContext context, Principal caller, AdapterRef target, string path, CancellationToken ct)
    {
        if (!Accepted.Contains(path))
            throw new GridException(ErrorCodes.InvalidAdapter, $"A pushed adapter consists of {string.Join(", ", Accepted)}, not {path}.", "path");
        var prefix = DraftPrefix(caller, target);
        var file = await uploads.ReceiveAsync(context, target.Org, prefix, path, ct);
        if (file is not null) await store.WriteJsonAsync($"{prefix}/files/{Accepted.ToList().IndexOf(path)}.json", file, cancellation: ct);
        return file;
    }

    public async Task<AdapterVersionView> CommitAsync(Principal caller, AdapterRef target, string? baseModel, CancellationToken ct)
    {
        var prefix = DraftPrefix(caller, target);
        var files = await DraftAsync(prefix, ct);
        var version = await RegisterAsync(caller, target, files, baseModel, ct);
        await foreach (var blob in store.ListAsync(prefix + "/", ct)) await store.DeleteAsync(blob.Key, cancellation: ct);
        return version;
    }

    /// <summary>Checks files that are in the store, wherever they are, and registers them as a version. The same files twice give the same version.</summary>
    public async Task<AdapterVersionView> RegisterAsync(Principal caller, AdapterRef target, IReadOnlyList<SourceFile> files, string? baseModel, CancellationToken ct)
    {
        foreach (var needed in Accepted.Take(2))
        {
            if (!files.Any(f => f.Path == needed)) throw new GridException(ErrorCodes.InvalidAdapter, $"{needed} is missing; upload it first.", needed);
        }
        var model = await BaseAsync(caller, target, files, baseModel, ct);
        await InspectAsync(files, model.Manifest, ct);
        await grains.GetGrain<IOrgGrain>(target.Org).Ensure();
        await grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).AddOrg(target.Org);
        var id = await grains.GetGrain<IOrgGrain>(target.Org).Claim(Ids.Adapter, target.Name);
        var adapter = grains.GetGrain<IAdapterGrain>(id);
        await adapter.Create(target.Org, target.Name);
        var source = "push-" + KeyDigest.Of(string.Join("\n", files.OrderBy(f => f.Path, StringComparer.Ordinal).Select(f => $"{f.Path} {f.Sha256}")));
        return await adapter.Publish(new AdapterPublication(source, files,
            new AdapterLineage("imported", null, model.Name, model.Manifest!.Digest, model.License, null, null, null, null, null, null, null, null, null),
            new AdapterMetrics(null, null, null, null, null)));
    }

    private async Task<List<SourceFile>> DraftAsync(string prefix, CancellationToken ct)
    {
        var files = new List<SourceFile>();
        for (var i = 0; i < Accepted.Count; i++)
        {
            if (await store.ReadJsonAsync<SourceFile>($"{prefix}/files/{i}.json", cancellation: ct) is { } stored) files.Add(stored.Value);
        }
        return files;
    }

    /// <summary>The base named by the caller, else by adapter_config.json: by the last part of its path.</summary>
    private async Task<ModelView> BaseAsync(Principal caller, AdapterRef target, IReadOnlyList<SourceFile> files, string? given, CancellationToken ct)
    {
        var name = given ?? (await InspectAsync(files, null, ct)).BaseModelNameOrPath?.TrimEnd('/').Split('/')[^1].ToLowerInvariant();
        if (string.IsNullOrEmpty(name)) throw new GridException(ErrorCodes.InvalidAdapter, "adapter_config.json names no base model; give base_model.", "base_model");
        var model = await names.ModelAsync(NameResolver.At(caller, target.Org), name, null, "base_model");
        return model.Manifest is not null ? model : throw new GridException(ErrorCodes.Conflict, $"The model '{model.Name}' is not ready.", "base_model");
    }

    private async Task<AdapterInspection> InspectAsync(IReadOnlyList<SourceFile> files, ModelManifest? baseModel, CancellationToken ct)
    {
        var reply = await inspector.RunAsync(new InspectorRequest(inspector.Blobs, InspectAdapter: new InspectAdapterRequest(files, baseModel)), ct);
        if (reply.Error is { } error) throw error.ToException();
        return reply.Adapter ?? throw new GridException(ErrorCodes.Internal, "The inspector answered with something else than an adapter.");
    }

    /// <summary>Prefix of everything that is being pushed to an organisation.</summary>
    public static string DraftsOf(string org) => $"drafts/{KeyDigest.Of(org)}-";

    private static string DraftPrefix(Principal caller, AdapterRef target) => DraftsOf(target.Org) + KeyDigest.Of($"{caller.KeyId}\n{target.Org}/{target.Name}");
}

/// <summary>The inspector process, as the host starts it.</summary>
public interface IInspector
{
    BlobAccess Blobs { get; }

    Task<InspectorReply> RunAsync(InspectorRequest request, CancellationToken ct);
}
