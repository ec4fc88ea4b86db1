using FineTuneGrid.Client;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Provenance;

namespace FineTuneGrid.Cli;

/// <summary>Holds the signed statement in a pulled folder against the folder's files, with nothing but the folder and a public key.</summary>
internal sealed class StatementCheck(string folder)
{
    private const string File = ProvenanceStatement.FileName;

    /// <param name="manifest">Its files have been held against their digests.</param>
    /// <returns>The key that signed.</returns>
    /// <exception cref="CliException">Says what does not fit.</exception>
    public async Task<VerifyingKey> RunAsync(AdapterManifest manifest, VerifyingKey? trusted, CancellationToken ct)
    {
        var path = Path.Combine(folder, File);
        if (!System.IO.File.Exists(path)) throw new CliException($"{File} is missing");
        try
        {
            var brought = VerifyingKey.FromPem(await System.IO.File.ReadAllTextAsync(Path.Combine(folder, ProvenanceStatement.KeyFileName), ct));
            var envelope = DsseEnvelope.Read(await System.IO.File.ReadAllBytesAsync(path, ct));
            if (trusted is not null && envelope.KeyId != trusted.Id) throw new CliException($"{File} is signed by the key {envelope.KeyId}, not by {trusted.Id}");
            if (!envelope.IsSignedBy(trusted ?? brought)) throw new CliException($"{File} differs: its signature does not fit");
            await SubjectsAsync(ProvenanceStatement.Read(envelope), manifest, ct);
            return trusted ?? brought;
        }
        catch (GridException e)
        {
            throw new CliException($"{File}: {e.Message}", inner: e);
        }
    }

    private async Task SubjectsAsync(ProvenanceStatement statement, AdapterManifest manifest, CancellationToken ct)
    {
        var stated = statement.Subject.ToDictionary(s => s.Name ?? "", s => s.Digest.GetValueOrDefault("sha256"), StringComparer.Ordinal);
        var own = new AdapterFile(AdapterManifest.FileName, 0, await FileTransfer.DigestAsync(Path.Combine(folder, AdapterManifest.FileName), ct));
        foreach (var file in manifest.Files.Append(own))
        {
            if (!stated.Remove(file.Path, out var digest)) throw new CliException($"{file.Path} is not in the signed statement");
            if (digest != file.Sha256) throw new CliException($"{file.Path} differs: its SHA-256 is {file.Sha256}, not {digest} as signed");
        }
        if (stated.Count > 0) throw new CliException($"{stated.Keys.Order(StringComparer.Ordinal).First()} is signed, but not part of the folder");
    }
}
