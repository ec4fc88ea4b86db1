using System.CommandLine;
using System.Globalization;

namespace FineTuneGrid.Bench;

/// <summary>Options that several benches have.</summary>
internal static class BenchOptions
{
    public static Option<int> Seed() => new("--seed") { Description = "Of whatever is drawn by chance.", DefaultValueFactory = _ => 1 };

    /// <summary>Servers run for weeks: what compiling the program costs in its first seconds is kept out of what is measured.</summary>
    public static Option<int> WarmUp() => Number("--warm-up", 10, 600, "Seconds of the same load before anything is measured.");

    public static Option<int> Number(string name, int otherwise, int most, string description)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => otherwise };
        option.Validators.Add(r =>
        {
            if (r.GetValueOrDefault<int>() < 1 || r.GetValueOrDefault<int>() > most)
                r.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} must be 1 to {most}"));
        });
        return option;
    }
}
