namespace FineTuneGrid.Agent;

/// <summary>The end of what a process wrote, for the message of its failure.</summary>
internal static class LogTail
{
    private const int Longest = 4000;

    /// <summary>Empty where there is no such file.</summary>
    public static string Read(string path)
    {
        var text = File.Exists(path) ? File.ReadAllText(path) : "";
        return text[Math.Max(0, text.Length - Longest)..].Trim();
    }
}
