using System.Globalization;
using FineTuneGrid.Contracts.Audit;

namespace FineTuneGrid.Gateway.Audit;

/// <summary>Names of the log's blobs: by the day and time of writing, so that their order is that of time.</summary>
internal static class AuditSegments
{
    public static string NewKey(DateTimeOffset now) => $"{First(now)}-{Guid.NewGuid():N}.jsonl";

    public static string DayPrefix(DateTimeOffset day) => AuditRecord.Root + day.UtcDateTime.ToString("yyyyMMdd", CultureInfo.InvariantCulture) + "/";

    /// <summary>Before every key of that time or later; after those whose records are all older.</summary>
    public static string First(DateTimeOffset time) => DayPrefix(time) + time.UtcDateTime.ToString("HHmmssfffffff", CultureInfo.InvariantCulture);
}

/// <summary>The last line that a reader has seen, as <c>{yyyyMMdd}/{name}:{line}</c>.</summary>
internal sealed record AuditCursor(string Segment, int Line)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Segment[AuditRecord.Root.Length..]}:{Line}");

    /// <summary>Null where the text is none.</summary>
    public static AuditCursor? Parse(string text) => text.Split(':') is [var segment, var line] && int.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? new AuditCursor(AuditRecord.Root + segment, number) : null;
}
