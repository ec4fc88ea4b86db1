using System.Text.Json;

namespace FineTuneGrid.Scheduling.Tests;

public sealed class PropertyTests
{
    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 25)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void RandomEvents_NeverBreakTheInvariants(int seed)
    {
        var streams = new RandomStreams(seed);
        var state = SchedulerState.Create();
        for (var i = 0; i < 600; i++)
        {
            var e = streams.Next(state);
            var before = state;
            (state, var commands) = Scheduler.Step(state, e, streams.Now);
            StateChecks.Check(state);
            if (i % 20 == 0)
                StateChecks.CheckIndexes(state);
            StateChecks.CheckGrants(before, state, commands);
            foreach (var job in state.Jobs.Values)
                if (job.Placement is not { State: PlacementState.Running })
                    Assert.NotEmpty(Scheduler.Explain(state, job.Id));
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Replay_OfTheSameEvents_GivesTheSameStateFromAnySnapshot(int seed)
    {
        var streams = new RandomStreams(seed);
        var state = SchedulerState.Create();
        var replayed = state;
        for (var i = 0; i < 400; i++)
        {
            var e = streams.Next(state);
            var json = JsonSerializer.SerializeToUtf8Bytes(e, SchedulerJson.Options);
            var first = Scheduler.Step(state, e, streams.Now);
            var second = Scheduler.Step(replayed, JsonSerializer.Deserialize<SchedulerEvent>(json, SchedulerJson.Options)!, streams.Now);
            Assert.Equal(Text(first.Commands), Text(second.Commands));
            state = first.State;
            replayed = i % 7 == 0 ? SchedulerState.FromJson(second.State.ToJson()) : second.State;
        }
        Assert.Equal(state.Hash(), replayed.Hash());
    }

    [Fact]
    public void Snapshot_OfAnUnknownVersion_IsRefused() =>
        Assert.Contains("version 99", Assert.Throws<JsonException>(
            () => SchedulerState.FromJson("""{"version":99,"options":{}}"""u8)).Message);

    [Fact]
    public void EventAndCommandNames_AreStable()
    {
        string[] names = ["node_registered", "node_lease_renewed", "node_drain", "node_undrain", "node_removed", "job_queued", "job_recovered", "job_started",
            "job_progress", "job_released", "job_cancelled", "job_paused", "job_resumed", "job_closed", "priority_changed", "org_policy_changed",
            "queue_policy_changed", "options_changed", "tick", "grant", "stop", "retry_at", "fail", "quarantine"];
        var found = new[] { typeof(SchedulerEvent), typeof(SchedulerCommand) }
            .SelectMany(t => t.GetCustomAttributes(typeof(System.Text.Json.Serialization.JsonDerivedTypeAttribute), false))
            .Cast<System.Text.Json.Serialization.JsonDerivedTypeAttribute>().Select(a => (string)a.TypeDiscriminator!);
        Assert.Equal(names, found);
    }

    private static string Text(IReadOnlyList<SchedulerCommand> commands) => JsonSerializer.Serialize(commands, SchedulerJson.Options);
}
