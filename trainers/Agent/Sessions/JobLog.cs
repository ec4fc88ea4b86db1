using System.Text;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Agent.Sessions;

/// <summary>
/// One job's part of a session's output, cut into segments. A segment is written again, longer, until it is full, so that a
/// reader finds the newest lines without many small blobs, and a repeated upload after a crash changes nothing.
/// </summary>
/// <param name="Segment">Number of the segment that grows.</param>
/// <param name="Start">Offset in the session's output at which this segment begins.</param>
/// <param name="Rank">Which worker of the job's gang the session is.</param>
internal sealed record JobLogCursor(string JobId, int Epoch, int Segment, long Start, int Rank = 0);

internal sealed class JobLog(JobLogCursor cursor)
{
    private const int FullSegment = 64 << 10;

    private readonly StringBuilder _text = new();
    private bool _changed;

    public JobLogCursor Cursor { get; private set; } = cursor;

    public string Key => JobLogKeys.Segment(Cursor.JobId, Cursor.Rank, Cursor.Epoch, Cursor.Segment);

    public void Append(string line, long offset)
    {
        if (offset < Cursor.Start) return;
        _text.Append(line).Append('\n');
        _changed = true;
    }

    /// <summary>What the segment holds now; null where nothing came since the last call.</summary>
    public byte[]? Take()
    {
        if (!_changed) return null;
        _changed = false;
        return Encoding.UTF8.GetBytes(_text.ToString());
    }

    /// <summary>The upload failed: its text counts as new.</summary>
    public void Untake() => _changed = true;

    /// <summary>After an upload that covers everything up to <paramref name="offset"/>; true where a new segment begins.</summary>
    public bool Roll(long offset)
    {
        if (_text.Length < FullSegment) return false;
        _text.Clear();
        Cursor = Cursor with { Segment = Cursor.Segment + 1, Start = offset };
        return true;
    }
}
