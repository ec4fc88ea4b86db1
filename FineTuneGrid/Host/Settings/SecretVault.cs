using System.Text;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Host;

/// <summary>Secrets by name. Whoever asks first makes one; everybody after that gets the same.</summary>
internal interface ISecretVault
{
    Task<string> EnsureAsync(string name, Func<string> create);

    /// <summary>The secret, or null where none was made.</summary>
    Task<string?> FindAsync(string name);
}

/// <summary>A folder of files of mode 0600: the data directory of one silo, or a folder that the silos of a cluster share.</summary>
/// <param name="setting">The setting that names the folder; null for the data directory.</param>
internal sealed class FolderVault(string folder, string? setting) : ISecretVault
{
    public Task<string> EnsureAsync(string name, Func<string> create)
    {
        try
        {
            return Task.FromResult(SecretFile.Ensure(Path.Combine(folder, name), create));
        }
        catch (Exception e) when (setting is not null && e is IOException or UnauthorizedAccessException)
        {
            throw SettingKeys.Bad(setting!, $"names a folder without {name}, which cannot be made there: {e.Message.TrimEnd('.')}", e);
        }
    }

    public async Task<string?> FindAsync(string name)
    {
        var path = Path.Combine(folder, name);
        return File.Exists(path) ? (await File.ReadAllTextAsync(path)).Trim() : null;
    }
}

/// <summary>
/// Blobs that only control processes can read, made by a write that fails where one exists. A secret that this machine used while it
/// was alone is the cluster's, so that keys and tokens outlive the change.
/// </summary>
internal sealed class BlobVault(string data, Func<Task<IBlobStore>> open) : ISecretVault
{
    private const string Root = "secrets/";

    private IBlobStore? _store;

    public async Task<string> EnsureAsync(string name, Func<string> create)
    {
        if (await FindAsync(name) is { } known) return known;
        var mine = await new FolderVault(data, null).FindAsync(name) ?? create();
        try
        {
            await _store!.WriteBytesAsync(Root + name, Encoding.UTF8.GetBytes(mine), WriteCondition.IfAbsent);
            return mine;
        }
        catch (BlobConflictException)
        {
            // Another silo was first; its secret counts.
            return await FindAsync(name) ?? throw new InvalidOperationException($"the secret {name} was deleted while it was made");
        }
    }

    public async Task<string?> FindAsync(string name)
    {
        _store ??= await open();
        return await _store.ReadAllBytesAsync(Root + name) is var (_, bytes) ? Encoding.UTF8.GetString(bytes) : null;
    }
}
