namespace FineTuneGrid.EndToEnd;

/// <summary>A grid is copied while its job runs, and lives on elsewhere.</summary>
[Collection(SharedGrid.Name)]
public sealed class BackupTests(SharedGrid shared) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ftg-backup-").FullName;

    private string Archive => Path.Combine(_folder, "archive");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Job_CopiedInTheMiddleAndRestoredElsewhere_EndsWithTheSameBytes()
    {
        var restored = GridProcess.NewDataDirectory();
        string id;
        await using (var grid = await GridProcess.StartAsync())
        {
            await TinyData.AddToAsync(grid);
            id = await grid.SubmitAsync(TinyData.Job("team/moved"));
            var events = new JobEvents(grid, id);
            await events.StepAsync(25);
            await SucceedsAsync("backup", Archive, "--data", grid.Data);
            await events.StepAsync(60);
            Assert.Contains(" new", await SucceedsAsync("backup", Archive, "--data", grid.Data));
            Assert.Contains("all sound", await SucceedsAsync("verify-backup", Archive));
            grid.KillEverything();
            await grid.HostEndedAsync();
        }
        await SucceedsAsync("restore", Archive, "--data", restored);

        await using var moved = await GridProcess.StartOnAsync(restored);
        var later = new JobEvents(moved, id);
        await later.SucceededAsync();

        Assert.Equal(shared.ReferenceSha256, await moved.OnlyVersionAsync("team/moved"));
        // It went on: what was committed before is not trained again.
        Assert.Contains(later.Seen, e => e.Type == "placement" && e.Text("attempt") is { } attempt && attempt != "1");
        var committed = later.Seen.Where(e => e.Type == "checkpoint").Select(e => e.Step!.Value).ToList();
        Assert.Equal(committed.Distinct(), committed);

        var (code, output) = await HostProgram.MaintainAsync("restore", Archive, "--data", shared.Grid.Data);
        Assert.True(code == 2 && output.Contains("error: ", StringComparison.Ordinal), output);
    }

    [Theory]
    [InlineData("backup needs the folder", "backup")]
    [InlineData("There is no backup in /no/such/folder", "verify-backup", "/no/such/folder")]
    [InlineData("--keep must be", "backup", "/tmp/x", "--keep", "0")]
    [InlineData("--lease is not", "backup", "/tmp/x", "--lease", "3")]
    public async Task WrongUse_IsTwo_AndSaysWhat(string said, params string[] arguments)
    {
        var (code, output) = await HostProgram.MaintainAsync(arguments);
        Assert.Equal(2, code);
        Assert.StartsWith($"error: {said}", output, StringComparison.Ordinal);
    }

    private static async Task<string> SucceedsAsync(params string[] arguments)
    {
        var (code, output) = await HostProgram.MaintainAsync(arguments);
        Assert.True(code == 0, $"{string.Join(' ', arguments)}: {code} {output}");
        return output;
    }
}
