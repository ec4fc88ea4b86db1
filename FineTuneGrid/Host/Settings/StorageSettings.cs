using Azure.Storage.Blobs;
using FineTuneGrid.Contracts;
using FineTuneGrid.Storage;
using Microsoft.Extensions.Configuration;

namespace FineTuneGrid.Host;

/// <summary>Where the blobs are: an Azure container, a folder that machines share, or the data directory.</summary>
internal sealed record StorageSettings(string? AzureBlob = null, string Container = "finetunegrid", string? Folder = null)
{
    private const string BlobFolder = "blobs";

    /// <summary>Beside the container of the blobs, which trainers can read: they are given nothing of this one.</summary>
    private const string ControlSuffix = "-control";

    // Longer than a trainer session lives: a node is drained and restarted more often than that.
    private static readonly TimeSpan SignatureLifetime = TimeSpan.FromDays(30);

    /// <summary>Whether silos on several machines can see the same blobs.</summary>
    public bool IsShared => AzureBlob is not null || Folder is not null;

    public static StorageSettings Read(IConfiguration section)
    {
        var (azure, folder) = (SettingKeys.Text(section, SettingKeys.AzureBlob), SettingKeys.Text(section, SettingKeys.Folder));
        if (azure is not null && folder is not null)
            throw SettingKeys.Bad(SettingKeys.Folder, $"and {SettingKeys.Variable(SettingKeys.AzureBlob)} exclude each other");
        if (folder is not null && !Directory.Exists(folder))
            throw SettingKeys.Bad(SettingKeys.Folder, $"names no folder: {folder}");
        return new StorageSettings(azure, SettingKeys.Text(section, SettingKeys.Container) ?? "finetunegrid", folder is null ? null : Path.GetFullPath(folder));
    }

    /// <summary>The blob store, checked, and what child processes are given of it.</summary>
    /// <exception cref="GridException">The container cannot be reached or made with what the setting says.</exception>
    public async Task<(IBlobStore Store, BlobAccessIssuer Access)> OpenAsync(string data, TimeProvider time)
    {
        if (AzureBlob is null)
        {
            var root = Path.Combine(Folder ?? data, BlobFolder);
            return (new LocalBlobStore(root), BlobAccessIssuer.Local(root));
        }
        var cache = Path.Combine(data, "cache");
        return await CheckedAsync(async () =>
        {
            var container = OpenContainer(Container);
            var store = new AzureBlobStore(container, cache);
            if (container.CanGenerateSasUri) await store.EnsureContainerAsync();
            await store.StatAsync("grains/probe");
            return ((IBlobStore)store, BlobAccessIssuer.Azure(container, cache, time, SignatureLifetime));
        });
    }

    /// <summary>A container of its own for the secrets of the control processes.</summary>
    /// <exception cref="GridException">What the setting gives reaches one container only.</exception>
    public ISecretVault OpenBlobVault(string data)
    {
        if (IsAddress(out _))
            throw SettingKeys.Bad(SettingKeys.Secrets, $"must name a folder with the cluster's secrets, since {SettingKeys.Variable(SettingKeys.AzureBlob)} is one container's signed URL");
        return new BlobVault(data, () => CheckedAsync(async () =>
        {
            var store = new AzureBlobStore(OpenContainer(Container + ControlSuffix), Path.Combine(data, "cache"));
            await store.EnsureContainerAsync();
            return (IBlobStore)store;
        }));
    }

    private static async Task<T> CheckedAsync<T>(Func<Task<T>> open)
    {
        try
        {
            return await open();
        }
        catch (Exception e) when (e is FormatException or ArgumentException or IOException or Azure.RequestFailedException or AggregateException or GridException)
        {
            throw SettingKeys.Bad(SettingKeys.AzureBlob, $"does not lead to a container: {e.Message.Split('\n')[0].TrimEnd('.', '\r')}", e);
        }
    }

    private BlobContainerClient OpenContainer(string name)
    {
        var options = new BlobClientOptions { Retry = { MaxRetries = 3, NetworkTimeout = TimeSpan.FromSeconds(100) } };
        return IsAddress(out var address) ? new BlobContainerClient(address, options) : new BlobContainerClient(AzureBlob, name, options);
    }

    private bool IsAddress(out Uri address) => Uri.TryCreate(AzureBlob, UriKind.Absolute, out address!) && address.Scheme is "https" or "http";
}
