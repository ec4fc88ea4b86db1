using System.Threading.Channels;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Audit;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Gateway.Audit;

/// <summary>
/// Writes the audit log: blobs that are written once and never again. What comes together shares a blob; somebody who waits for a
/// record has it written at once.
/// </summary>
public sealed partial class AuditLog(IBlobStore store, TimeProvider time, ILogger<AuditLog> logger) : BackgroundService
{
    private const int MaxQueued = 50_000;
    private const int MaxBatch = 1000;
    private static readonly TimeSpan Gather = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private readonly Channel<Pending> _queue = Channel.CreateBounded<Pending>(new BoundedChannelOptions(MaxQueued) { SingleReader = true });
    private readonly SemaphoreSlim _hurry = new(0);
    private readonly List<Pending> _batch = [];
    private string _key = "";

    private sealed record Pending(AuditRecord Record, TaskCompletionSource Written);

    /// <summary>Takes a record; it is durable when the task completes.</summary>
    /// <param name="now">Whether someone waits for it; otherwise others may join its blob for a second.</param>
    public Task WriteAsync(AuditRecord record, bool now)
    {
        var pending = new Pending(record, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        if (!_queue.Writer.TryWrite(pending))
        {
            LogLost(GridJson.ToText(record));
            return Task.CompletedTask;
        }
        if (now) _hurry.Release();
        return pending.Written.Task;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (await _queue.Reader.WaitToReadAsync(stoppingToken))
            {
                await _hurry.WaitAsync(Gather, stoppingToken);
                while (_hurry.Wait(0)) { }
                await WriteBatchAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host ends; what is queued is written by StopAsync.
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        while (_batch.Count > 0 || _queue.Reader.TryPeek(out _)) await WriteBatchAsync(cancellationToken);
    }

    public override void Dispose()
    {
        _hurry.Dispose();
        base.Dispose();
    }

    /// <summary>
    /// One blob. What a stop interrupts stays the batch, and is written again under the same name: an unknown outcome leaves no
    /// second copy.
    /// </summary>
    private async Task WriteBatchAsync(CancellationToken stop)
    {
        if (_batch.Count == 0)
        {
            while (_batch.Count < MaxBatch && _queue.Reader.TryRead(out var pending)) _batch.Add(pending);
            if (_batch.Count == 0) return;
            _key = AuditSegments.NewKey(time.GetUtcNow());
        }
        var lines = new MemoryStream();
        foreach (var pending in _batch.OrderBy(p => p.Record.At))
        {
            lines.Write(GridJson.ToBytes(pending.Record));
            lines.WriteByte((byte)'\n');
        }
        while (!await TryWriteAsync(lines.ToArray(), stop)) await Task.Delay(RetryAfter, stop);
        foreach (var pending in _batch) pending.Written.SetResult();
        _batch.Clear();
    }

    private async Task<bool> TryWriteAsync(byte[] lines, CancellationToken stop)
    {
        try
        {
            await store.WriteBytesAsync(_key, lines, cancellation: stop);
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogFailed(_batch.Count, e);
            return false;
        }
    }

    [LoggerMessage(LogLevel.Error, "{Count} audit records could not be written; they are tried again")]
    private partial void LogFailed(int count, Exception e);

    [LoggerMessage(LogLevel.Critical, "Too many audit records wait to be written; this one is only here: {Record}")]
    private partial void LogLost(string record);
}
