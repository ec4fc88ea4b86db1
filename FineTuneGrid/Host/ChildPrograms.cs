using FineTuneGrid.Storage;

namespace FineTuneGrid.Host;

/// <summary>The programs that the host starts.</summary>
internal static class ChildPrograms
{
    private const string Name = "FineTuneGrid.Host";

    public static IReadOnlyList<string> Inspector() => ChildProgram.Find("FineTuneGrid.Inspector", "FTG_INSPECTOR");

    public static IReadOnlyList<string> Trainer() => ChildProgram.Find("FineTuneGrid.Trainer", "FTG_TRAINER");

    /// <summary>A published host is a program of its own and needs no dotnet on the machine.</summary>
    public static IReadOnlyList<string> Self() =>
        ChildProgram.Command(Environment.ProcessPath is { } me && Path.GetFileName(me) == Name ? me : Path.Combine(AppContext.BaseDirectory, Name + ".dll"));
}
