using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage.Tests;

/// <param name="Acknowledged">The last step that any writer acknowledged.</param>
/// <param name="Restored">The step that a trainer would go on from; 0 where nothing is committed.</param>
/// <param name="WasWriting">The writer left a file behind that it had not finished.</param>
/// <param name="Violation">What should not be so, or null.</param>
public sealed record WriterKill(long Acknowledged, long Restored, bool IsReadable, bool WasWriting, string? Violation);

/// <summary>
/// Checkpoint writers, one after the other, each killed (SIGKILL) at a random moment of its life: start, fence, upload, compare-and-swap,
/// collection. After each the store is read as a resuming trainer reads it.
/// </summary>
public sealed class WriterKills : IDisposable
{
    private const string Job = "job";

    /// <summary>Acknowledgements that are waited for at most, before the random moment.</summary>
    private const int MostLines = 5;

    /// <summary>Longer than one commit takes.</summary>
    private const double MomentMilliseconds = 15;

    private readonly string _folder;
    private readonly Random _random;
    private readonly LocalBlobStore _blobs;
    private readonly CheckpointStore _store;
    private long _epoch;
    private long _acknowledged;

    public WriterKills(string folder, int seed)
    {
        (_folder, _random) = (folder, new Random(seed));
        _blobs = new LocalBlobStore(folder);
        _store = new CheckpointStore(_blobs, Job);
    }

    public async Task<WriterKill> NextAsync()
    {
        using (var child = new ChildProcess("checkpoint", _folder, Job, $"{++_epoch}"))
        {
            for (var lines = _random.Next(MostLines + 1); lines > 0; lines--)
                await child.NextLineAsync();
            // Not to wait for anything: to hit any moment of the next write.
            await Task.Delay(TimeSpan.FromMilliseconds(_random.NextDouble() * MomentMilliseconds));
            await child.KillAsync();
            _acknowledged = Math.Max(_acknowledged, child.LastAcknowledged);
        }
        var wasWriting = Directory.EnumerateFiles(Path.Combine(_folder, "@staging"), "*", SearchOption.AllDirectories).Any(f => !f.EndsWith(".lock", StringComparison.Ordinal));
        try
        {
            var (restored, violation) = await ReadAsync();
            return new WriterKill(_acknowledged, restored, true, wasWriting, violation);
        }
        catch (GridException e)
        {
            return new WriterKill(_acknowledged, 0, false, wasWriting, e.Message);
        }
    }

    public void Dispose() => _blobs.Dispose();

    private async Task<(long Restored, string? Violation)> ReadAsync()
    {
        if (await _store.RestoreAsync() is not { } found)
            return (0, _acknowledged == 0 ? null : $"nothing is committed, and step {_acknowledged} was acknowledged");
        var step = found.Manifest.Step;
        if (found.Skipped.Count > 0) return (step, $"the checkpoint of step {found.Skipped[0].Step} was skipped: {found.Skipped[0].Reason}");
        if (step < _acknowledged) return (step, $"step {step} is restored, and step {_acknowledged} was acknowledged");
        if (step > _acknowledged + 1) return (step, $"step {step} is restored, {step - _acknowledged} beyond the last that was acknowledged");
        if (found.Manifest.Cursor != step * 3) return (step, $"the cursor of step {step} is {found.Manifest.Cursor}, not {step * 3}");
        foreach (var (name, bytes) in new[] { ("weights", Workers.SelfProving(step)), ("moments", Workers.SelfProving(-step)) })
        {
            var read = await _store.ReadPartAsync(found.Manifest.Find(name)!);
            if (!read.AsSpan().SequenceEqual(bytes)) return (step, $"the part '{name}' of step {step} has other bytes than were written");
        }
        return (step, null);
    }
}
