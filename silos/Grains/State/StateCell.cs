using FineTuneGrid.Contracts;
using Orleans.Runtime;

namespace FineTuneGrid.Grains;

/// <summary>
/// A grain's durable state, copy-on-write: an immutable record that a pure function replaces, saved by compare-and-swap before
/// anyone learns of it. Changes that arrive while a write is under way share the next one, so a reentrant grain stays a
/// single writer without holding a lock over anything but its own write.
/// </summary>
/// <remarks>
/// After a failed write the outcome is unknown: the cell refuses everything, and the grain deactivates to read again.
/// </remarks>
internal sealed class StateCell<T>(IPersistentState<Stored<T>> storage, Action<Exception> onBroken) where T : class
{
    private T? _latest;
    private long _version;
    private long _durable;
    private Task? _writing;
    private Exception? _broken;

    /// <summary>What is durable; null before the first write.</summary>
    public T? Current { get; private set; }

    /// <summary>What the next change starts from: durable, or on its way.</summary>
    public T? Latest => _latest;

    public bool Broken => _broken is not null;

    /// <summary>Takes over what the storage read. Called when the grain activates.</summary>
    public void Load() => Current = _latest = storage.State.Value;

    /// <summary>Replaces the state; durable when the task completes. An exception of <paramref name="decide"/> changes nothing.</summary>
    public async Task<TResult> UpdateAsync<TResult>(Func<T?, (T? Next, TResult Result)> decide)
    {
        ThrowIfBroken();
        var (next, result) = decide(_latest);
        Stage(next);
        // Even a decision that changed nothing was made on a state that may not be durable yet.
        await FlushAsync(_version);
        return result;
    }

    public Task UpdateAsync(Func<T?, T?> decide) => UpdateAsync(state => (decide(state), true));

    /// <summary>Replaces the state in memory; it is saved with the next update. For what may be lost.</summary>
    public void Stage(T? next)
    {
        if (ReferenceEquals(next, _latest))
            return;
        _latest = next;
        _version++;
    }

    /// <summary>Saves what was staged.</summary>
    public Task FlushAsync() => FlushAsync(_version);

    private async Task FlushAsync(long version)
    {
        while (_durable < version)
        {
            ThrowIfBroken();
            await (_writing ??= WriteAsync());
        }
    }

    private async Task WriteAsync()
    {
        // The field must hold this task before it can end; and changes of the same moment join the write.
        await Task.Yield();
        try
        {
            var (version, value) = (_version, _latest);
            storage.State = new Stored<T> { Value = value };
            await storage.WriteStateAsync();
            Current = value;
            _durable = version;
        }
        catch (Exception e)
        {
            _broken = e;
            onBroken(e);
            throw Refusal(e);
        }
        finally
        {
            _writing = null;
        }
    }

    private void ThrowIfBroken()
    {
        if (_broken is not null)
            throw Refusal(_broken);
    }

    private static GridException Refusal(Exception e) => e is GridException { Code: ErrorCodes.InsufficientStorage } full
        ? full
        : new(ErrorCodes.Unavailable, "The state could not be saved, so the outcome of this request is not known; read the state and ask again.", inner: e);
}
