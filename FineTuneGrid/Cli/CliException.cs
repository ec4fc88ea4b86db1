namespace FineTuneGrid.Cli;

/// <summary>Ends the program with one line and an exit code: 1 failed, 2 wrong usage.</summary>
public sealed class CliException(string message, int exitCode = 1, Exception? inner = null) : Exception(message, inner)
{
    public int ExitCode { get; } = exitCode;
}
