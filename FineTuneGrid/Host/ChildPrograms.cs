using FineTuneGrid.Storage;

namespace FineTuneGrid.Host;

/// <summary>The programs that the host starts.</summary>
internal static class ChildPrograms
{
    public static IReadOnlyList<string> Inspector() => ChildProgram.Find("FineTuneGrid.Inspector", "FTG_INSPECTOR");

    public static IReadOnlyList<string> Trainer() => ChildProgram.Find("FineTuneGrid.Trainer", "FTG_TRAINER");

    public static IReadOnlyList<string> Self() => ChildProgram.Command(Path.Combine(AppContext.BaseDirectory, "FineTuneGrid.Host.dll"));
}
