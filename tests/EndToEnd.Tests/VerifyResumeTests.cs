using System.Net;
using System.Text.Json;

namespace FineTuneGrid.EndToEnd;

/// <summary>The last window of the undisturbed run, trained again by the command that a user has for it.</summary>
[Collection(SharedGrid.Name)]
public sealed class VerifyResumeTests(SharedGrid shared)
{
    private GridProcess Grid => shared.Grid;

    [Fact]
    public async Task Replay_OfAFinishedJob_HasTheBytesOfItsCheckpointEvent()
    {
        var job = await shared.ReferenceJobAsync();

        var found = (await VerifyAsync(job)).Ok().Json;

        Assert.True(found.GetProperty("identical").GetBoolean(), found.GetRawText());
        Assert.Equal((TinyData.Steps - TinyData.CheckpointEvery, TinyData.Steps), (found.GetProperty("from_step").GetInt32(), found.GetProperty("to_step").GetInt32()));
        Assert.False(found.TryGetProperty("note", out _), found.GetRawText());
        Assert.Equal(shared.ReferenceSha256, found.GetProperty("adapter_sha256").GetProperty("actual").GetString());
        var committed = await LastCheckpointAsync(job);
        foreach (var digest in (string[])["adapter_sha256", "optimizer_sha256"])
            Assert.Equal(committed.GetProperty(digest).GetString(), found.GetProperty(digest).GetProperty("actual").GetString());
    }

    /// <summary>A job gives its slot back beside being published, so the slot of the one before may be free a moment later only.</summary>
    private async Task<Answer> VerifyAsync(string job)
    {
        using var limit = new CancellationTokenSource(Eventually.Limit);
        using var again = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
        while (true)
        {
            var answer = await Grid.PostAsync($"/api/v1/jobs/{job}/verify-resume");
            if (answer.Status != HttpStatusCode.ServiceUnavailable || limit.IsCancellationRequested) return answer;
            await again.WaitForNextTickAsync(CancellationToken.None);
        }
    }

    /// <summary>What the job's own log of events says of its end.</summary>
    private async Task<JsonElement> LastCheckpointAsync(string job)
    {
        var events = (await Grid.GetAsync($"/api/v1/jobs/{job}/events?limit=1000")).Ok().Json.GetProperty("data");
        return events.EnumerateArray().Last(e => e.GetProperty("type").GetString() == "checkpoint").GetProperty("data");
    }
}
