using System.Threading.Channels;
using FineTuneGrid.Storage;
using FineTuneGrid.Storage.Tests;

namespace FineTuneGrid.Trainer.Tests.Checkpoints;

/// <summary>Holds writes of some keys until the test lets them go on, or fail.</summary>
internal sealed class HeldStore(IBlobStore inner, Func<string, bool> isHeld) : WrappedBlobStore(inner)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly Channel<TaskCompletionSource<Exception?>> _held = Channel.CreateUnbounded<TaskCompletionSource<Exception?>>();
    private readonly List<string> _log = [];

    public bool IsOff { get; set; }

    /// <summary>Keys as their writes began and, after "done ", ended.</summary>
    public IReadOnlyList<string> Log
    {
        get
        {
            lock (_log) return [.. _log];
        }
    }

    public override async Task<BlobInfo> WriteAsync(string key, Stream content, WriteCondition condition = default, CancellationToken cancellation = default)
    {
        Note(key);
        if (!IsOff && isHeld(key))
        {
            var turn = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
            _held.Writer.TryWrite(turn);
            if (await turn.Task is { } fault) throw fault;
        }
        var written = await base.WriteAsync(key, content, condition, cancellation);
        Note($"done {key}");
        return written;
    }

    /// <summary>Waits for the next write that is held; what is given to the result lets it fail, and null lets it go on.</summary>
    public async Task<Action<Exception?>> NextAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            var turn = await _held.Reader.ReadAsync(limit.Token);
            return turn.SetResult;
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"no write came to be held within {Limit}; there were {string.Join(", ", Log)}");
        }
    }

    private void Note(string what)
    {
        lock (_log) _log.Add(what);
    }
}
