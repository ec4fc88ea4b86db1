using System.Text;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Agent.Sessions;

/// <summary>
/// Reads a session's output file and uploads each job's lines to the blob store, where they outlive the node. A line
/// <c>TIME JOB: text</c> belongs to that job; any other line, such as a crash report, to all jobs of the session.
/// </summary>
internal sealed class LogShipper
{
    private const int LongestTail = 16 << 10;
    private const int LongestLine = 64 << 10;

    private sealed record Stored(IReadOnlyList<JobLogCursor> Jobs);

    private readonly SessionFolder _folder;
    private readonly IBlobStore _store;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly Dictionary<string, JobLog> _jobs = [];
    private readonly MemoryStream _partial = new();
    private long _position;
    private long _lineStart;

    public LogShipper(SessionFolder folder, IBlobStore store)
    {
        (_folder, _store) = (folder, store);
        var stored = AtomicFile.TryRead<Stored>(folder.LogCursorFile)?.Jobs ?? [];
        foreach (var cursor in stored)
            _jobs[cursor.JobId] = new JobLog(cursor);
        _position = _lineStart = stored.Count == 0 ? Length() : stored.Min(c => c.Start);
    }

    /// <summary>From here on the session's output is also this job's.</summary>
    public async Task AddAsync(string jobId, int epoch, int rank)
    {
        using var held = await HoldAsync();
        if (_jobs.TryGetValue(jobId, out var known) && known.Cursor.Epoch >= epoch) return;
        Read();
        _jobs[jobId] = new JobLog(new JobLogCursor(jobId, epoch, 1, _lineStart, rank));
        Save();
    }

    /// <summary>Uploads the job's last lines and forgets it.</summary>
    public async Task RemoveAsync(string jobId, int epoch, CancellationToken cancellation)
    {
        await FlushAsync(cancellation);
        using var held = await HoldAsync();
        if (!_jobs.TryGetValue(jobId, out var known) || known.Cursor.Epoch != epoch) return;
        _jobs.Remove(jobId);
        Save();
    }

    /// <summary>Uploads what is new. A failure loses nothing: the next call has it.</summary>
    public async Task FlushAsync(CancellationToken cancellation)
    {
        using var held = await HoldAsync();
        Read();
        var rolled = false;
        foreach (var job in _jobs.Values)
        {
            if (job.Take() is not { } text) continue;
            try
            {
                await _store.WriteBytesAsync(job.Key, text, default, cancellation);
            }
            catch
            {
                job.Untake();
                throw;
            }
            rolled |= job.Roll(_lineStart);
        }
        if (rolled) Save();
    }

    /// <summary>The last lines of the session's output.</summary>
    public string Tail()
    {
        if (!File.Exists(_folder.LogFile)) return "";
        using var file = Open();
        file.Position = Math.Max(0, file.Length - LongestTail);
        using var reader = new StreamReader(file, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    private void Read()
    {
        if (!File.Exists(_folder.LogFile)) return;
        using var file = Open();
        file.Position = _position;
        var buffer = new byte[16 << 10];
        for (int read; (read = file.Read(buffer)) > 0; _position += read)
            Split(buffer.AsSpan(0, read));
    }

    private void Split(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            if (value != '\n' && _partial.Length < LongestLine)
            {
                _partial.WriteByte(value);
                continue;
            }
            Line(Encoding.UTF8.GetString(_partial.GetBuffer(), 0, (int)_partial.Length), _lineStart);
            _lineStart += _partial.Length + (value == '\n' ? 1 : 0);
            _partial.SetLength(0);
            if (value != '\n') _partial.WriteByte(value);
        }
    }

    private void Line(string line, long offset)
    {
        var parts = line.Split(' ', 3);
        if (parts.Length == 3 && parts[1].EndsWith(':') && parts[1].StartsWith("job-", StringComparison.Ordinal))
        {
            if (_jobs.TryGetValue(parts[1][..^1], out var owner)) owner.Append(line, offset);
            return;
        }
        foreach (var job in _jobs.Values) job.Append(line, offset);
    }

    private long Length() => File.Exists(_folder.LogFile) ? new FileInfo(_folder.LogFile).Length : 0;

    private FileStream Open() => new(_folder.LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

    private void Save() => AtomicFile.Write(_folder.LogCursorFile, new Stored([.. _jobs.Values.Select(j => j.Cursor)]));

    private async Task<IDisposable> HoldAsync()
    {
        await _gate.WaitAsync();
        return new Release(_gate);
    }

    private sealed class Release(SemaphoreSlim gate) : IDisposable
    {
        public void Dispose() => gate.Release();
    }
}
