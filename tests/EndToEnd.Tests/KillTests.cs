namespace FineTuneGrid.EndToEnd;

/// <summary>SIGKILL and SIGSTOP at any moment: the job ends by itself with the bytes of the undisturbed run, registered once.</summary>
[Collection(SharedGrid.Name)]
public sealed class KillTests(SharedGrid shared)
{
    /// <summary>In one job, so that a job's budget for trainer crashes is never what ends it.</summary>
    private const int StrikesOfAJob = 2;

    private GridProcess Grid => shared.Grid;

    public enum Victim
    {
        Trainer,
        Agent,
        Host,
        Everything,
    }

    /// <summary>The others' turn is in the sample of the kill matrix, and in the slow tests.</summary>
    [Theory]
    [InlineData(Victim.Trainer)]
    [InlineData(Victim.Everything)]
    public Task Job_KilledTwice_EndsWithTheSameBytes(Victim victim) => StrikeAsync(victim, jobs: 1, seed: 11);

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData(Victim.Trainer)]
    [InlineData(Victim.Agent)]
    [InlineData(Victim.Host)]
    [InlineData(Victim.Everything)]
    public Task Job_KilledAtTwentyMoments_EndsWithTheSameBytes(Victim victim) => StrikeAsync(victim, jobs: 10, seed: 12);

    [Fact]
    public async Task Trainer_StoppedPastItsLeaseAndContinued_CommitsNothingMore()
    {
        const string adapter = "team/stopped";
        var events = new JobEvents(Grid, await Grid.SubmitAsync(TinyData.Job(adapter)));
        await events.StepAsync(30);
        var old = await Grid.PidAsync(Part.Trainer);
        ProcessTable.Signal(old, ProcessTable.SigStop);
        try
        {
            await events.UntilAsync(IsLaterPlacement, "another attempt, after the stopped trainer's lease");
        }
        finally
        {
            ProcessTable.Signal(old, ProcessTable.SigCont);
        }
        await EndsRightAsync(events, adapter);
        Assert.DoesNotContain(events.Seen.SkipWhile(e => !IsLaterPlacement(e)), e => e.Type == "checkpoint" && e.Text("attempt") == "1");
    }

    [Fact]
    public async Task Grid_WhoseProcessesAreAllToldToStop_DoesSoInOrderAndGoesOn()
    {
        const string adapter = "team/stopped-together";
        await using var grid = await GridProcess.StartAsync();
        await TinyData.AddToAsync(grid);
        var events = new JobEvents(grid, await grid.SubmitAsync(TinyData.Job(adapter)));
        await events.UntilAsync(e => e.Status == "running", "the start of the training");

        Assert.Equal(0, await grid.StopAllAsync());
        Assert.DoesNotContain(grid.Lines, l => l.Contains("Unhandled exception", StringComparison.Ordinal) || l.Contains("starting it again", StringComparison.Ordinal));
        await grid.LaunchAsync();
        await events.SucceededAsync();
        Assert.Equal(shared.ReferenceSha256, await grid.OnlyVersionAsync(adapter));
    }

    /// <summary>Attempts are fencing epochs: they grow, by more than one where a loss was fenced before the new start.</summary>
    private static bool IsLaterPlacement(JobNews news) => news.Type == "placement" && news.Text("attempt") is { } attempt && attempt != "1";

    private async Task StrikeAsync(Victim victim, int jobs, int seed)
    {
        var random = new Random(seed + (int)victim);
        for (var i = 1; i <= jobs; i++)
        {
            var adapter = $"team/{victim}-{jobs}-{i}".ToLowerInvariant();
            var events = new JobEvents(Grid, await Grid.SubmitAsync(TinyData.Job(adapter)));
            for (var strike = 0; strike < StrikesOfAJob; strike++)
            {
                await events.StepAsync(random.Next(5, 50) + strike * 60);
                await StrikeAsync(victim);
            }
            await EndsRightAsync(events, adapter);
        }
    }

    private async Task StrikeAsync(Victim victim)
    {
        switch (victim)
        {
            case Victim.Trainer:
                await Grid.KillAsync(Part.Trainer);
                return;
            case Victim.Agent:
                await Grid.KillAsync(Part.Agent);
                return;
            case Victim.Host:
                await Grid.KillAsync(Part.Host);
                break;
            case Victim.Everything:
                Grid.KillEverything();
                break;
        }
        await Grid.HostEndedAsync();
        await Grid.LaunchAsync();
    }

    private async Task EndsRightAsync(JobEvents events, string adapter)
    {
        await events.SucceededAsync();
        Assert.Equal(shared.ReferenceSha256, await Grid.OnlyVersionAsync(adapter));
        Assert.Single(events.Seen, e => e.Status == "succeeded");
        var metrics = (await Grid.GetAsync($"/api/v1/jobs/{events.Job}/metrics?limit=1000")).Ok().Json.GetProperty("data");
        Assert.Equal(Enumerable.Range(1, TinyData.Steps), metrics.EnumerateArray().Select(s => s.GetProperty("step").GetInt32()));
        // A killed agent may be about to start again while its trainer ends the job.
        await Eventually.Seen(
            () => IsWhole(Grid.Processes()) ? "whole" : null, "one host, one agent and at most one trainer", () => string.Join(", ", Grid.Processes()));
    }

    private static bool IsWhole(IReadOnlyList<GridPart> parts) =>
        parts.Count(p => p.Part == Part.Host) == 1 && parts.Count(p => p.Part == Part.Agent) == 1 && parts.Count(p => p.Part == Part.Trainer) <= 1;
}
