using FineTuneGrid.Contracts;
using FineTuneGrid.Grains;
using FineTuneGrid.Storage;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace FineTuneGrid.Silo;

/// <summary>
/// Grain state as JSON blobs at <c>grains/{type}/{key}</c>, written by compare-and-swap on the blob's ETag. A second activation
/// of a grain, wherever it came from, loses its first write here. One that a newer program wrote is refused, and so its grain does
/// not come up here, see <see cref="StateVersion"/>.
/// </summary>
public sealed class BlobGrainStorage(IBlobStore blobs) : IGrainStorage
{
    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (await StateVersion.ReadAsync<T>(blobs, KeyOf(grainId)) is not var (info, value))
        {
            grainState.State = Activator.CreateInstance<T>();
            grainState.ETag = null;
            grainState.RecordExists = false;
            return;
        }
        grainState.State = value;
        grainState.ETag = info.ETag;
        grainState.RecordExists = true;
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var key = KeyOf(grainId);
        var condition = grainState.ETag is { } etag ? WriteCondition.IfMatch(etag) : WriteCondition.IfAbsent;
        try
        {
            var info = await blobs.WriteJsonAsync(key, grainState.State, condition, GridJson.Options);
            grainState.ETag = info.ETag;
            grainState.RecordExists = true;
        }
        catch (BlobConflictException e)
        {
            throw new InconsistentStateException($"The state of {grainId} was changed by another activation.", e.CurrentETag, grainState.ETag, e);
        }
    }

    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        try
        {
            if (grainState.ETag is { } etag)
                await blobs.DeleteAsync(KeyOf(grainId), etag);
        }
        catch (BlobConflictException e)
        {
            throw new InconsistentStateException($"The state of {grainId} was changed by another activation.", e.CurrentETag, grainState.ETag, e);
        }
        grainState.State = Activator.CreateInstance<T>();
        grainState.ETag = null;
        grainState.RecordExists = false;
    }

    public static string KeyOf(GrainId id) => GrainStates.KeyOf(id.Type.ToString()!, id.Key.ToString()!);
}
