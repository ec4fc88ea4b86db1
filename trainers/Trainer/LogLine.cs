using System.Globalization;

namespace FineTuneGrid.Trainer;

/// <summary>Lines for people: <c>TIME JOB: text</c>, or <c>TIME session: text</c> for what concerns every job.</summary>
internal static class LogLine
{
    public static string Session(string text) => Format("session", text);

    public static string Job(string jobId, string text) => Format(jobId, text);

    private static string Format(string who, string text) =>
        string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyy-MM-ddTHH:mm:ss.fffZ} {who}: {text.ReplaceLineEndings(" ")}");
}
