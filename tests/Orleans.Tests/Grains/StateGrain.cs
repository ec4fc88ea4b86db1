using FineTuneGrid.Orleans.Tests.Support;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace FineTuneGrid.Orleans.Tests;

public sealed class Counter
{
    public int Value { get; set; }

    public List<string> Notes { get; set; } = [];
}

public interface IStateGrain : IGrainWithStringKey
{
    Task<(int Value, bool Exists, string? ETag)> Read();

    Task Write(int value);

    Task Clear();

    Task Leave();

    Task<string> WriteAndCatch(int value);

    Task<string> CallOther(string other);

    Task<string> Incarnation();
}

public sealed class StateGrain([PersistentState("counter", "fault")] IPersistentState<Counter> counter) : Grain, IStateGrain
{
    private readonly string _incarnation = Guid.NewGuid().ToString("N");

    public Task<(int Value, bool Exists, string? ETag)> Read() =>
        Task.FromResult<(int, bool, string?)>((counter.State.Value, counter.RecordExists, counter.Etag));

    public Task Write(int value)
    {
        counter.State.Value = value;
        return counter.WriteStateAsync();
    }

    public Task Clear() => counter.ClearStateAsync();

    public Task Leave()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    public async Task<string> WriteAndCatch(int value)
    {
        try
        {
            await Write(value);
            return "written";
        }
        catch (InconsistentStateException)
        {
            return "caught";
        }
    }

    public async Task<string> CallOther(string other)
    {
        await GrainFactory.GetGrain<IStateGrain>(other).Write(1);
        return _incarnation;
    }

    public Task<string> Incarnation() => Task.FromResult(_incarnation);
}

/// <summary>A store of one's own, with switches for what goes wrong.</summary>
public sealed class FaultyStorage : IGrainStorage
{
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, (int Value, int ETag)> _records = new();

    /// <summary>What the next write throws.</summary>
    public Exception? NextWriteFails { get; set; }

    /// <summary>Somebody else writes the record.</summary>
    public void Steal(string key) => _records.AddOrUpdate(key, (99, 100), (_, old) => (99, old.ETag + 1));

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (_records.TryGetValue(Key(stateName, grainId), out var record))
        {
            grainState.State = (T)(object)new Counter { Value = record.Value };
            grainState.ETag = record.ETag.ToString();
            grainState.RecordExists = true;
        }
        else
        {
            grainState.State = (T)(object)new Counter();
            grainState.ETag = null;
            grainState.RecordExists = false;
        }

        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (NextWriteFails is { } failure)
        {
            NextWriteFails = null;
            return Task.FromException(failure);
        }

        var key = Key(stateName, grainId);
        var stored = _records.TryGetValue(key, out var record) ? record.ETag.ToString() : null;
        if (stored != grainState.ETag)
            throw new InconsistentStateException("changed by somebody else", stored ?? "none", grainState.ETag ?? "none");
        var next = stored is null ? 1 : record.ETag + 1;
        _records[key] = (((Counter)(object)grainState.State!).Value, next);
        grainState.ETag = next.ToString();
        grainState.RecordExists = true;
        return Task.CompletedTask;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        _records.TryRemove(Key(stateName, grainId), out _);
        grainState.State = (T)(object)new Counter();
        grainState.ETag = null;
        grainState.RecordExists = false;
        return Task.CompletedTask;
    }

    private static string Key(string stateName, GrainId grainId) => $"{stateName}:{grainId}";
}

public interface IMemoryStateGrain : IGrainWithStringKey
{
    Task<int> Add(int value, string note);

    Task<bool> Exists();

    Task Clear();

    Task Leave();
}

public sealed class MemoryStateGrain([PersistentState("counter", "memory")] IPersistentState<Counter> counter) : Grain, IMemoryStateGrain
{
    public async Task<int> Add(int value, string note)
    {
        counter.State.Value += value;
        counter.State.Notes.Add(note);
        await counter.WriteStateAsync();
        return counter.State.Value;
    }

    public Task<bool> Exists() => Task.FromResult(counter.RecordExists);

    public Task Clear() => counter.ClearStateAsync();

    public Task Leave()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }
}

public interface IMissingStorageGrain : IGrainWithStringKey
{
    Task Touch();
}

public sealed class MissingStorageGrain([PersistentState("counter", "nowhere")] IPersistentState<Counter> counter) : Grain, IMissingStorageGrain
{
    public Task Touch() => counter.WriteStateAsync();
}
