using FineTuneGrid.Contracts;
using Orleans.Runtime;
using Orleans.Storage;

namespace FineTuneGrid.Grains;

/// <summary>
/// A grain's durable state, copy-on-write: an immutable record that a pure function replaces, saved by compare-and-swap before
/// anyone learns of it. Changes that arrive while a write is under way share the next one, so a reentrant grain stays a
/// single writer without holding a lock over anything but its own write.
/// </summary>
/// <remarks>
/// After a failed write the outcome is unknown: the cell refuses everything, and the grain deactivates to read again.
/// </remarks>
/// <param name="gather">
/// How long a write waits for further changes to join it. For states that are large and that many change at once: each write is
/// of the whole. None waits where it is left out.
/// </param>
internal sealed class StateCell<T>(IPersistentState<Stored<T>> storage, Action<Exception> onBroken, Func<T?, TimeSpan>? gather = null) where T : class
{
    private T? _latest;
    private long _version;
    private long _durable;
    private Task? _writing;
    private Exception? _broken;
    private bool _confirmed;

    /// <summary>What is durable; null before the first write.</summary>
    public T? Current { get; private set; }

    /// <summary>What the next change starts from: durable, or on its way.</summary>
    public T? Latest => _latest;

    public bool Broken => _broken is not null;

    /// <summary>Takes over what the storage read. Called when the grain activates.</summary>
    public void Load() => (Current, _confirmed) = (_latest = storage.State.Value, true);

    /// <summary>
    /// Looks whether the storage still holds what this cell has read or written. One that another writer has overtaken would not
    /// notice before its next write; it counts as broken then. Nothing is read where a write has shown it since the last look.
    /// </summary>
    public async Task ConfirmAsync()
    {
        ThrowIfBroken();
        var known = _confirmed || _writing is not null;
        _confirmed = false;
        if (!known)
            await (_writing = CompareAsync());
        ThrowIfBroken();
    }

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
            if (gather?.Invoke(_latest) is { } wait && wait > TimeSpan.Zero)
                await Task.Delay(wait);
            var (version, value) = (_version, _latest);
            storage.State = new Stored<T> { Version = StateVersion.Current, Value = value };
            await storage.WriteStateAsync();
            Current = value;
            _durable = version;
            _confirmed = true;
        }
        catch (Exception e)
        {
            Break(e);
            throw Refusal(e);
        }
        finally
        {
            _writing = null;
        }
    }

    /// <summary>Holds the place of a write meanwhile, which would otherwise go out under the ETag of a state that it has not seen.</summary>
    private async Task CompareAsync()
    {
        await Task.Yield();
        try
        {
            var etag = storage.Etag;
            await storage.ReadStateAsync();
            if (storage.Etag != etag)
                Break(new InconsistentStateException("The state was changed by another activation.", storage.Etag, etag));
        }
        catch (Exception e) when (_broken is null)
        {
            // What the storage object holds now is not known.
            Break(e);
        }
        finally
        {
            _writing = null;
        }
    }

    private void Break(Exception e)
    {
        _broken = e;
        onBroken(e);
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
