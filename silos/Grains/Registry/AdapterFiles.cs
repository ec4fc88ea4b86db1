using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Provenance;
using FineTuneGrid.Grains.Registry.Provenance;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Registry;

/// <summary>
/// Brings the files of a version under the registry's own, immutable keys: <c>adapters/{id}/{version}/{sha256}</c>, and writes those
/// that describe it: card, bill of materials, manifest and the signed statement of all of them.
/// </summary>
internal sealed class AdapterFiles(IBlobStore blobs, SigningKey key, string id)
{
    private const string Card = "README.md";
    private const string Config = "adapter_config.json";

    /// <summary>Written anew for each version, whatever was brought under these names.</summary>
    private static readonly HashSet<string> Ours =
        [Card, MlBom.FileName, AdapterManifest.FileName, ProvenanceStatement.FileName, ProvenanceStatement.KeyFileName];

    public string Prefix(int version) => $"adapters/{id}/{version}/";

    public async Task<IReadOnlyList<SourceFile>> StoreAsync(AdapterState adapter, int version, AdapterPublication publication, DateTimeOffset time)
    {
        var name = $"{adapter.Org}/{adapter.Name}";
        var files = new List<SourceFile>();
        foreach (var file in publication.Files.Where(f => !Ours.Contains(f.Path)))
            files.Add(await CopyAsync(version, file));
        var rank = await RankAsync(publication);
        files.Add(await WriteAsync(version, Card, ModelCard.Write(adapter, $"{version}", publication, rank)));
        files.Add(await WriteAsync(version, MlBom.FileName, MlBom.Write(name, $"{version}", publication, files, time)));
        files.Add(await WriteAsync(version, ProvenanceStatement.KeyFileName, Encoding.UTF8.GetBytes(key.Public.Pem)));
        var manifest = new AdapterManifest(AdapterManifest.CurrentFormat, name, $"{version}", publication.Lineage, publication.Metrics,
            [.. files.OrderBy(f => f.Path, StringComparer.Ordinal).Select(f => new AdapterFile(f.Path, f.Length, f.Sha256))]);
        files.Add(await WriteAsync(version, AdapterManifest.FileName, JsonSerializer.SerializeToUtf8Bytes(manifest, GridJson.Indented)));
        var statement = ProvenanceWriter.Write(name, $"{version}", publication, files, time);
        files.Add(await WriteAsync(version, ProvenanceStatement.FileName, DsseEnvelope.Sign(ProvenanceStatement.PayloadType, statement.Write(), key).Write()));
        return [.. files.OrderBy(f => f.Path, StringComparer.Ordinal)];
    }

    /// <summary>A function of the files alone, in the form of a commit id.</summary>
    public static string RevisionOf(IEnumerable<SourceFile> files)
    {
        var text = string.Concat(files.OrderBy(f => f.Path, StringComparer.Ordinal).Select(f => $"{f.Sha256} {f.Path}\n"));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..40];
    }

    public async Task DeleteAsync(string prefix)
    {
        await foreach (var blob in blobs.ListAsync(prefix))
            await blobs.DeleteAsync(blob.Key);
    }

    private async Task<SourceFile> CopyAsync(int version, SourceFile file)
    {
        var target = Prefix(version) + file.Sha256;
        await using var content = await blobs.OpenReadAsync(file.Key)
            ?? throw new GridException(ErrorCodes.CorruptCheckpoint, $"The result's file {file.Path} is missing from the store.");
        using var hash = SHA256.Create();
        await using (var hashed = new CryptoStream(content.Stream, hash, CryptoStreamMode.Read))
            await blobs.WriteAsync(target, hashed);
        var actual = Convert.ToHexStringLower(hash.Hash!);
        if (actual == file.Sha256)
            return file with { Key = target };
        await blobs.DeleteAsync(target);
        throw new GridException(ErrorCodes.DigestMismatch, $"The result's file {file.Path} has SHA-256 {actual}, not {file.Sha256}; it was not registered.");
    }

    private async Task<SourceFile> WriteAsync(int version, string path, byte[] bytes)
    {
        var sha = Convert.ToHexStringLower(SHA256.HashData(bytes));
        var target = Prefix(version) + sha;
        await blobs.WriteBytesAsync(target, bytes);
        return new SourceFile(path, target, bytes.Length, sha);
    }

    private async Task<int?> RankAsync(AdapterPublication publication) =>
        publication.Files.FirstOrDefault(f => f.Path == Config) is { } config
        && await blobs.ReadJsonAsync<JsonElement>(config.Key, GridJson.Options) is var (_, json)
        && json.ValueKind == JsonValueKind.Object && json.TryGetProperty("r", out var r) && r.TryGetInt32(out var rank)
            ? rank
            : null;
}
