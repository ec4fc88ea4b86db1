namespace FineTuneGrid.Agent;

/// <summary>
/// The number of the last command that this machine has taken over: what it asks for next. Moved only after the command's
/// effect is in a session's folder, so that a crash between the two repeats the command instead of losing it.
/// </summary>
internal sealed class CommandCursor(string path)
{
    private sealed record Stored(long LastCommand);

    public long? Value { get; private set; } = AtomicFile.TryRead<Stored>(path)?.LastCommand;

    public void MoveTo(long command)
    {
        if (Value is { } current && command <= current) return;
        AtomicFile.Write(path, new Stored(command));
        Value = command;
    }
}
