using System.Text.RegularExpressions;

namespace FineTuneGrid.Architecture.Tests;

/// <summary>House rules that a compiler does not hold.</summary>
public sealed partial class SourceTests
{
    private const int HardStop = 500;

    private static readonly string Root = RepositoryRoot.Find();

    private static readonly List<string> Sources =
    [
        .. ((string[])["FineTuneGrid", "silos", "trainers", "datasets", "deploy", "tests"])
            .SelectMany(f => Directory.EnumerateFiles(Path.Combine(Root, f), "*.cs", SearchOption.AllDirectories)),
    ];

    [Fact]
    public void Sources_AreFound() => Assert.True(Sources.Count > 100, $"{Sources.Count} source files under {Root}");

    [Fact]
    public void File_IsNeverLongerThanTheHardStop() =>
        Assert.Empty(Sources.Where(f => File.ReadLines(f).Count() > HardStop).Select(f => Path.GetRelativePath(Root, f)));

    [Fact]
    public void Source_HoldsNoPlaceholder() =>
        // The subsets throw what the real packages throw.
        Assert.Empty(Sources.Where(f => !f.EndsWith("SourceTests.cs", StringComparison.Ordinal) && !f.Contains("/airgap/", StringComparison.Ordinal) && Placeholder().IsMatch(File.ReadAllText(f))).Select(f => Path.GetRelativePath(Root, f)));

    [Fact]
    public void PureCore_HasNoClockOrRandomness()
    {
        string[] pure = ["silos/Scheduling", "datasets/Shards/Order", "trainers/Models"];
        var files = Sources.Where(f => pure.Any(p => f.StartsWith(Path.Combine(Root, p) + "/", StringComparison.Ordinal))).ToList();
        Assert.NotEmpty(files);
        Assert.Empty(files.Where(f => ClockOrRandom().IsMatch(File.ReadAllText(f))).Select(f => Path.GetRelativePath(Root, f)));
    }

    [GeneratedRegex(@"NotImplementedException|\bTODO\b|\bFIXME\b|\bHACK\b|Thread\.Sleep|#region")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"DateTime(Offset)?\.(Utc)?Now|Random\.Shared|new Random\(|Guid\.NewGuid|Environment\.TickCount|Stopwatch")]
    private static partial Regex ClockOrRandom();
}
