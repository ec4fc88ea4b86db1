namespace FineTuneGrid.EndToEnd;

/// <summary>Exact mode: neither a neighbour in the session nor the data directory changes a byte.</summary>
[Collection(SharedGrid.Name)]
public sealed class TwoJobsTests(SharedGrid shared)
{
    private GridProcess Grid => shared.Grid;

    [Fact]
    public async Task TwoJobs_OnOneBaseAtOnce_RunInOneSessionWithTheBytesOfEachAlone()
    {
        var other = await shared.TrainAsync(TinyData.Job("team/other-alone", Other));
        var first = new JobEvents(Grid, await Grid.SubmitAsync(TinyData.Job("team/together-1")));
        var second = new JobEvents(Grid, await Grid.SubmitAsync(TinyData.Job("team/together-2", Other)));

        var sessions = new[] { await PlacedAsync(first), await PlacedAsync(second) };
        await NotDisturbedAsync();
        await Task.WhenAll(first.SucceededAsync(), second.SucceededAsync());

        Assert.Equal(sessions[0], sessions[1]);
        Assert.NotEqual(shared.ReferenceSha256, other);
        Assert.Equal(shared.ReferenceSha256, await Grid.OnlyVersionAsync("team/together-1"));
        Assert.Equal(other, await Grid.OnlyVersionAsync("team/together-2"));
        Assert.True(Overlap(first, second), $"the two did not train at the same time: {first.Story()} {second.Story()}");
    }

    [Fact]
    public async Task SameJob_InAnotherDataDirectory_GivesTheSameBytesAndLeavesNoProcess()
    {
        await using var grid = await GridProcess.StartAsync();
        await TinyData.AddToAsync(grid);
        await new JobEvents(grid, await grid.SubmitAsync(TinyData.Job("elsewhere/again"))).SucceededAsync();

        Assert.Equal(shared.ReferenceSha256, await grid.OnlyVersionAsync("elsewhere/again"));
        Assert.Equal(0, await grid.StopAsync());
    }

    /// <summary>A verification takes no slot that jobs hold; here there is no other.</summary>
    private async Task NotDisturbedAsync()
    {
        var refusal = await Grid.PostAsync($"/api/v1/jobs/{await shared.ReferenceJobAsync()}/verify-resume");
        Assert.True(refusal.Status == System.Net.HttpStatusCode.ServiceUnavailable && refusal["detail"]!.Contains("slot", StringComparison.Ordinal), refusal.Text);
    }

    private static void Other(System.Text.Json.Nodes.JsonObject job)
    {
        job["method"]!["rank"] = 6;
        job["optimizer"]!["seed"] = 8;
    }

    private static async Task<string> PlacedAsync(JobEvents events) =>
        (await events.UntilAsync(e => e.Type == "placement" && e.Text("session") is not null, "its placement")).Text("session")!;

    /// <summary>Each was placed before the other had ended.</summary>
    private static bool Overlap(JobEvents a, JobEvents b) => Started(a) < Ended(b) && Started(b) < Ended(a);

    private static DateTimeOffset Started(JobEvents events) => events.Seen.First(e => e.Type == "placement" && e.Text("session") is not null).Time;

    private static DateTimeOffset Ended(JobEvents events) => events.Seen[^1].Time;
}
