using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Grains.Jobs;
using FineTuneGrid.Grains.Registry;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains;

/// <summary>
/// Grain states as they lie in the store: for work over all of them, which must not wake every grain. What is read is durable,
/// though a change may be on its way.
/// </summary>
public sealed class GrainStates(IBlobStore blobs)
{
    public const string Root = "grains/";

    /// <param name="type">The grain type's name, as in <c>[GrainType]</c>.</param>
    public static string KeyOf(string type, string key) => $"{Root}{StorageKey.Encode(type)}/{StorageKey.Encode(key)}";

    public Task<JobState?> JobAsync(string id, CancellationToken cancellation = default) => ReadAsync<JobState>("job", id, cancellation);

    public Task<AdapterState?> AdapterAsync(string id, CancellationToken cancellation = default) => ReadAsync<AdapterState>("adapter", id, cancellation);

    public Task<AssetState<ModelManifest>?> ModelAsync(string id, CancellationToken cancellation = default) => ReadAsync<AssetState<ModelManifest>>("model", id, cancellation);

    public Task<AssetState<DatasetManifest>?> DatasetAsync(string id, CancellationToken cancellation = default) => ReadAsync<AssetState<DatasetManifest>>("dataset", id, cancellation);

    /// <summary>The keys of all grains of a type that have a state.</summary>
    public IAsyncEnumerable<string> KeysAsync(string type, CancellationToken cancellation = default)
    {
        var prefix = $"{Root}{StorageKey.Encode(type)}/";
        return blobs.ListAsync(prefix, cancellation).Select(b => StorageKey.Decode(b.Key[prefix.Length..]));
    }

    private async Task<T?> ReadAsync<T>(string type, string key, CancellationToken cancellation) where T : class =>
        await StateVersion.ReadAsync<Stored<T>>(blobs, KeyOf(type, key), cancellation) is var (_, stored) ? stored.Value : null;
}
