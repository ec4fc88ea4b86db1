using System.Collections.Concurrent;
using System.Text.Json;
using Orleans.Runtime;

namespace Orleans.Storage;

/// <summary>Keeps state in memory, as JSON, for tests and for what may be lost with the silo.</summary>
internal sealed class MemoryGrainStorage : IGrainStorage
{
    private readonly ConcurrentDictionary<(string State, GrainId Grain), (string ETag, byte[]? Data)> _records = new();
    private long _lastETag;

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (_records.TryGetValue((stateName, grainId), out var record) && record.Data is { } data)
        {
            grainState.State = JsonSerializer.Deserialize<T>(data)!;
            grainState.ETag = record.ETag;
            grainState.RecordExists = true;
        }
        else
        {
            grainState.State = StateStorageBridge<T>.CreateState();
            grainState.ETag = null;
            grainState.RecordExists = false;
        }

        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        grainState.ETag = Replace(stateName, grainId, grainState.ETag, JsonSerializer.SerializeToUtf8Bytes(grainState.State));
        grainState.RecordExists = true;
        return Task.CompletedTask;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        Replace(stateName, grainId, grainState.ETag, null);
        grainState.State = StateStorageBridge<T>.CreateState();
        grainState.ETag = null;
        grainState.RecordExists = false;
        return Task.CompletedTask;
    }

    private string Replace(string stateName, GrainId grainId, string? expected, byte[]? data)
    {
        var key = (stateName, grainId);
        var etag = Interlocked.Increment(ref _lastETag).ToString(System.Globalization.CultureInfo.InvariantCulture);
        var exists = _records.TryGetValue(key, out var current);
        var stored = exists && current.Data is not null ? current.ETag : null;
        var matches = stored == expected;
        if (matches)
            matches = exists ? _records.TryUpdate(key, (etag, data), current) : _records.TryAdd(key, (etag, data));
        if (!matches)
            throw new InconsistentStateException(
                $"The state {stateName} of grain {grainId} was changed by somebody else.", stored, expected);
        return etag;
    }
}
