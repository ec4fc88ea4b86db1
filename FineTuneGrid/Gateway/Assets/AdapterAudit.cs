using System.Security.Cryptography;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Provenance;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Gateway.Assets;

/// <summary>Reads every stored file of an adapter's version again: are the bytes those that were registered, and does its own manifest say so?</summary>
public sealed class AdapterAudit(IBlobStore store)
{
    private const int MaxManifestBytes = 16 << 20;

    public async Task<AdapterCheck> RunAsync(AdapterView adapter, AdapterVersionView version, CancellationToken ct)
    {
        var listed = await ManifestAsync(version, ct);
        var files = new List<AdapterFileCheck>();
        foreach (var file in version.Files)
            files.Add(new AdapterFileCheck(file.Path, file.Length, file.Sha256, await ProblemAsync(file, ct) ?? Unlisted(file, listed)));
        return new AdapterCheck($"{adapter.Org}/{adapter.Name}", version.Version, files.TrueForAll(f => f.Problem is null), files);
    }

    private async Task<string?> ProblemAsync(SourceFile file, CancellationToken ct)
    {
        await using var content = await store.OpenReadAsync(file.Key, cancellation: ct);
        if (content is null) return "is missing from the store";
        if (content.Info.Length != file.Length) return $"has {content.Info.Length} bytes, not {file.Length}";
        var digest = Convert.ToHexStringLower(await SHA256.HashDataAsync(content.Stream, ct));
        return digest == file.Sha256 ? null : $"differs: its SHA-256 is {digest}, not {file.Sha256}";
    }

    /// <summary>What the version's own manifest says of its files; null where it is not the registered one, which its digest tells.</summary>
    private async Task<Dictionary<string, AdapterFile>?> ManifestAsync(AdapterVersionView version, CancellationToken ct)
    {
        if (version.Files.FirstOrDefault(f => f.Path == AdapterManifest.FileName) is not { } file
            || await ProblemAsync(file, ct) is not null
            || await store.ReadAllBytesAsync(file.Key, MaxManifestBytes, ct) is not var (_, bytes))
            return null;
        return GridJson.Parse<AdapterManifest>(bytes).Files.ToDictionary(f => f.Path, StringComparer.Ordinal);
    }

    private static string? Unlisted(SourceFile file, Dictionary<string, AdapterFile>? listed) =>
        listed is null || file.Path is AdapterManifest.FileName or ProvenanceStatement.FileName || (listed.TryGetValue(file.Path, out var known) && known.Length == file.Length && known.Sha256 == file.Sha256)
            ? null
            : $"is not what {AdapterManifest.FileName} lists";
}
