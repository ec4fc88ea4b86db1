using System.Net;
using FineTuneGrid.Chaos;
using Xunit.Abstractions;

namespace FineTuneGrid.EndToEnd;

/// <summary>A disk without room under everything that the grid keeps: nothing is lost, and it goes on by itself when there is room.</summary>
[Collection(SharedGrid.Name)]
public sealed class DiskTests(SharedGrid shared, ITestOutputHelper output)
{
    private const int Megabytes = 64;

    [Fact]
    public async Task Job_WhoseDiskIsFullForAWhile_EndsWithTheSameBytes()
    {
        var mount = Directory.CreateTempSubdirectory("ftg-e2e-disk-").FullName;
        using (var disk = SmallDisk.TryMount(mount, Megabytes))
        {
            if (disk is null) output.WriteLine("not tested here: a small disk can be made only by a user who may mount");
            else await FillMidRunAsync(disk, Path.Combine(mount, "data"));
        }
        Directory.Delete(mount);
    }

    private async Task FillMidRunAsync(SmallDisk disk, string data)
    {
        const string adapter = "team/full-disk";
        await using var grid = await GridProcess.StartOnAsync(data);
        await TinyData.AddToAsync(grid);
        var job = await grid.SubmitAsync(TinyData.Job(adapter));
        var events = new JobEvents(grid, job);
        await events.StepAsync(30);
        disk.Fill();
        var refused = await grid.PostAsync("/api/v1/jobs", TinyData.Job("team/no-room").ToJsonString());
        // What cannot be kept is not accepted; which of the grains on the way finds it out first is open.
        Assert.True(
            (refused.Status, refused["code"]) is (HttpStatusCode.InsufficientStorage, "insufficient_storage") or (HttpStatusCode.ServiceUnavailable, "unavailable"), $"{refused.Status}: {refused.Json}");
        await Eventually.Seen(
            () => grid.Lines.FirstOrDefault(l => l.Contains("No space left", StringComparison.Ordinal) || l.Contains(" is full", StringComparison.Ordinal)), "a line on the full disk", () => grid.Log);
        disk.Free();
        await events.SucceededAsync();
        Assert.Equal(shared.ReferenceSha256, await grid.OnlyVersionAsync(adapter));
        var metrics = (await grid.GetAsync($"/api/v1/jobs/{job}/metrics?limit=1000")).Ok().Json.GetProperty("data");
        Assert.Equal(Enumerable.Range(1, TinyData.Steps), metrics.EnumerateArray().Select(s => s.GetProperty("step").GetInt32()));
    }
}
