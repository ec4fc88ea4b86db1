using System.Diagnostics;
using System.Text.Json;
using FineTuneGrid.Chaos;

namespace FineTuneGrid.EndToEnd;

/// <summary>The kill matrix: each part of a cluster killed at each moment of a job's life. The whole of it is long; a sample is not.</summary>
public sealed class KillMatrixTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(9);

    [Fact]
    public Task SixCells_LoseNothing() =>
        RunAsync(6, "--nodes", "1", "--only", "trainer/mid-upload,agent/starting,silo/before-commit,store/publishing,silo/queued,everything/mid-step");

    public static TheoryData<string> Rows => [.. Cell.All(ClusterPrograms.Silos).Select(c => c.Name[..(c.Name.IndexOf('/') + 1)]).Distinct()];

    /// <summary>All cells, a row at a time: no test may take longer than what counts as hanging.</summary>
    [Theory]
    [Trait("Category", "Slow")]
    [MemberData(nameof(Rows))]
    public Task Row_LosesNothing(string row) => RunAsync(Enum.GetValues<Moment>().Length, "--only", row);

    [Fact]
    public void Cells_AreChosenByNameRowAndColumn()
    {
        Assert.Equal(30, Cell.All(silos: 1).Count);
        Assert.Equal(42, Cell.All(silos: 2).Count);
        Assert.Equal([new Cell(Victim.Trainer, Moment.MidUpload), new Cell(Victim.Store, Moment.BeforeCommit)], Cell.Choose("trainer/mid-upload, store/before-commit", 1));
        Assert.Equal(6, Cell.Choose("everything/", 1).Count);
        Assert.Equal(10, Cell.Choose("everything/,/queued,silo/queued", 1).Count);
        Assert.Contains("'redis/queued' is no cell", Assert.Throws<FormatException>(() => Cell.Choose("redis/queued", 1)).Message, StringComparison.Ordinal);
    }

    private static async Task RunAsync(int cells, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { ArgumentList = { Programs.Chaos, "--matrix", "--count", "1", "--seed", "3" }, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var (output, told) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try
        {
            await process.WaitForExitAsync().WaitAsync(Limit);
        }
        catch (TimeoutException e)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{string.Join(' ', arguments)} did not end within {Limit.TotalMinutes} min; it had said {await output}{await told}", e);
        }
        Assert.True(process.ExitCode == 0, $"{await output}{await told}");
        var lines = (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        Assert.Equal(cells, lines[..^1].Select(l => l.GetProperty("cell").GetString()).Distinct().Count());
        Assert.All(lines[..^1], l => Assert.Equal(1, l.GetProperty("killed").GetInt32()));
        var (lost, doubled, broken) = (lines[^1].GetProperty("lost").GetInt32(), lines[^1].GetProperty("doubled").GetInt32(), lines[^1].GetProperty("broken").GetInt32());
        Assert.Equal((0, 0, 0), (lost, doubled, broken));
        Assert.InRange(lines[^1].GetProperty("identical").GetInt32(), cells, 10 * cells);
    }
}
