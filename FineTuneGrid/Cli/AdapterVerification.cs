using System.Text.Json;
using FineTuneGrid.Client;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Provenance;

namespace FineTuneGrid.Cli;

/// <param name="Signer">Id of the key that signed the folder's statement; null where it brings none.</param>
public sealed record VerifiedAdapter(string Adapter, string Version, int Files, string? Signer);

/// <summary>Holds an adapter folder against its own manifest: every listed file whole, and none that is not listed (hidden ones aside).</summary>
public static class AdapterVerification
{
    /// <param name="trusted">The key that must have signed; null takes the one in the folder, which shows that nothing changed since, not who signed.</param>
    /// <exception cref="CliException">Names the first file that differs.</exception>
    public static async Task<VerifiedAdapter> RunAsync(string folder, VerifyingKey? trusted, CancellationToken ct)
    {
        var manifestPath = Path.Combine(folder, AdapterManifest.FileName);
        if (!File.Exists(manifestPath)) throw new CliException($"{folder} has no {AdapterManifest.FileName}: it was not pulled from a grid");
        AdapterManifest manifest;
        try
        {
            manifest = GridJson.Parse<AdapterManifest>(await File.ReadAllBytesAsync(manifestPath, ct));
        }
        catch (JsonException e)
        {
            throw new CliException($"{AdapterManifest.FileName} is damaged: {e.Message}", inner: e);
        }
        if (manifest.Files is not { Count: > 0 }) throw new CliException($"{AdapterManifest.FileName} lists no files: it is not from a grid, or of an unknown format");
        if (manifest.Files.Any(f => f is not { Path: not null, Sha256: not null })) throw new CliException($"{AdapterManifest.FileName} is damaged: a file in it has no path or digest");
        foreach (var file in manifest.Files) await CheckAsync(folder, file, ct);
        var listed = manifest.Files.Select(f => f.Path).Append(AdapterManifest.FileName).ToHashSet();
        var signed = listed.Contains(ProvenanceStatement.KeyFileName);
        if (signed) listed.Add(ProvenanceStatement.FileName);
        var extra = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(folder, f).Replace('\\', '/'))
            .Order(StringComparer.Ordinal).FirstOrDefault(f => !listed.Contains(f) && !f.Split('/').Any(part => part.StartsWith('.')));
        if (extra is not null) throw new CliException($"{extra} is not part of {manifest.Adapter}@{manifest.Version}");
        if (!signed && trusted is not null) throw new CliException($"{manifest.Adapter}@{manifest.Version} brings no signed statement: it was published before there were any, or it was taken out");
        var signer = signed ? await new StatementCheck(folder).RunAsync(manifest, trusted, ct) : null;
        return new VerifiedAdapter(manifest.Adapter, manifest.Version, listed.Count, signer?.Id);
    }

    private static async Task CheckAsync(string folder, AdapterFile file, CancellationToken ct)
    {
        var path = Path.Combine(folder, SafePath.Check(file.Path));
        if (!File.Exists(path)) throw new CliException($"{file.Path} is missing");
        var length = new FileInfo(path).Length;
        if (length != file.Length) throw new CliException($"{file.Path} has {length} bytes, not {file.Length}");
        var digest = await FileTransfer.DigestAsync(path, ct);
        if (digest != file.Sha256) throw new CliException($"{file.Path} differs: its SHA-256 is {digest}, not {file.Sha256}");
    }
}
