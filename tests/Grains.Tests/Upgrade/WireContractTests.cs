using FineTuneGrid.Architecture.Tests;

namespace FineTuneGrid.Grains.Tests.Upgrade;

/// <summary>The contract between versions, against the one that was released last.</summary>
public sealed class WireContractTests
{
    private static readonly string File = Path.Combine(RepositoryRoot.Find(), "tests", "Grains.Tests", "Goldens", "wire-contract.txt");

    [Fact]
    public void Contract_IsTheCommittedOne()
    {
        var now = WireContract.Describe();
        var known = System.IO.File.Exists(File) ? System.IO.File.ReadAllLines(File) : [];
        var gone = known.Except(now).FirstOrDefault();
        Assert.True(gone is null,
            $"'{gone}' is no longer what is sent or stored, but the version before this one, which runs beside it during an upgrade, still sends and expects it. "
            + "Keep it, and add what is new under a name of its own; for a stored state that cannot be kept, raise StateVersion.Current and read both forms.");
        var added = now.Except(known).ToList();
        var demanded = added.FirstOrDefault(line => IsDemand(line, known));
        Assert.True(demanded is null, $"'{demanded}' cannot be required: the version before this one knows the type and does not send the member. Give it a default.");
        if (Environment.GetEnvironmentVariable(GoldenMaker.Variable) == "1") System.IO.File.WriteAllLines(File, now);
        else Assert.True(added.Count == 0,
            $"'{added.FirstOrDefault()}' is new. If the version before this one can do without it (a member that is neither required nor ever needed by the other side, a method that only "
            + $"this version calls), write the contract anew: {GoldenMaker.Variable}=1 dotnet test tests/Grains.Tests --filter WireContract, and commit it.");
        Assert.True(now.Count > 300, $"{now.Count} lines");
    }

    /// <summary>A required member of a type that was known before cannot come from an older sender.</summary>
    private static bool IsDemand(string line, string[] known) =>
        line.EndsWith(", required", StringComparison.Ordinal) && known.Any(k => k.StartsWith(line[..(line.IndexOf('.') + 1)], StringComparison.Ordinal));
}
