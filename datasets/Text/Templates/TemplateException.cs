namespace FineTuneGrid.Text.Templates;

/// <summary>A template that cannot be read or run. Turned into a GridException at the edge.</summary>
internal sealed class TemplateException(string message, int line = 0) : Exception(message)
{
    public int Line { get; } = line;

    /// <summary>True where the template itself called raise_exception.</summary>
    public bool Raised { get; init; }
}

/// <summary>Ends a loop (break) or one round of it (continue).</summary>
internal sealed class LoopSignal(bool isBreak) : Exception
{
    public bool IsBreak { get; } = isBreak;
}
