using System.Text.Json.Nodes;

namespace FineTuneGrid.EndToEnd;

/// <summary>A grid of two nodes with one slot each.</summary>
public sealed class TwoNodes : IAsyncLifetime
{
    internal GridProcess Grid { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Grid = await GridProcess.StartAsync(["--nodes", "2"]);
        try
        {
            await TinyData.AddToAsync(Grid);
        }
        catch
        {
            await Grid.DisposeAsync(); // A fixture that was not made is not disposed of.
            throw;
        }
    }

    public async Task DisposeAsync() => await Grid.DisposeAsync();
}

/// <summary>Jobs with two workers on two nodes: the bytes of one worker, whatever happens to either.</summary>
[Collection(SharedGrid.Name)]
public sealed class GangTests(SharedGrid shared, TwoNodes nodes) : IClassFixture<TwoNodes>
{
    private GridProcess Grid => nodes.Grid;

    [Fact]
    public async Task Job_WithTwoWorkers_GivesTheBytesOfOne()
    {
        var id = await Grid.SubmitAsync(TinyData.Job("team/two", Two));
        var events = new JobEvents(Grid, id);
        await PlacedAsync(events);
        var workers = (await Grid.GetAsync($"/api/v1/jobs/{id}")).Ok().Json.GetProperty("workers");
        Assert.Equal(["node-1", "node-2"], workers.EnumerateArray().Select(w => w.GetProperty("node").GetString()!).Order());

        await events.SucceededAsync();

        Assert.Equal(shared.ReferenceSha256, await Grid.OnlyVersionAsync("team/two"));
        Assert.Single(events.Seen, e => e.Type == "placement");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Job_OneOfTwoWorkersKilled_EndsWithTheSameBytesAndLeavesBothSlotsFree(int rank)
    {
        var adapter = $"team/two-killed-{rank}";
        var events = new JobEvents(Grid, await Grid.SubmitAsync(TinyData.Job(adapter, Two)));
        var session = await PlacedAsync(events);
        await events.StepAsync(50);
        ProcessTable.Signal(await TrainerAsync(rank == 0 ? session : $"{session}.{rank}"), ProcessTable.SigKill);

        await events.SucceededAsync();

        Assert.Equal(shared.ReferenceSha256, await Grid.OnlyVersionAsync(adapter));
        Assert.Equal(2, events.Seen.Count(e => e.Type == "placement"));
        Assert.Contains(events.Seen, e => e.Type == "checkpoint" && e.Text("attempt") == "1");
        // Both slots at once are had only where neither has leaked.
        await new JobEvents(Grid, await Grid.SubmitAsync(TinyData.Job($"{adapter}-after", Short))).SucceededAsync();
    }

    private static void Two(JsonObject job) => job["resources"] = new JsonObject { ["workers"] = 2 };

    private static void Short(JsonObject job)
    {
        Two(job);
        job["optimizer"]!["max_steps"] = 3;
    }

    private static async Task<string> PlacedAsync(JobEvents events)
    {
        var placed = await events.UntilAsync(e => e.Type == "placement" && e.Text("session") is not null, "its placement");
        Assert.Equal("2", placed.Text("workers"));
        return placed.Text("session")!;
    }

    private async Task<int> TrainerAsync(string session) => int.Parse(await Eventually.Seen(
        () => ProcessTable.TrainerOf(Grid.Data, session)?.ToString(), $"a trainer of session {session}", () => Grid.Log));
}
