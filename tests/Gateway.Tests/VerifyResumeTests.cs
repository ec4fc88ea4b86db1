using System.Net;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Gateway.Runs;
using FineTuneGrid.Gateway.Tests.Support;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Gateway.Tests;

/// <summary><c>verify-resume</c> over HTTP, up to where a node would be needed, and the choice of the slot.</summary>
[Collection(GatewayCollection.Name)]
public sealed class VerifyResumeTests(GatewayUnderTest gateway) : IAsyncLifetime
{
    private const string Asset = "verified";

    public async Task InitializeAsync()
    {
        using var known = await gateway.Member.GetAsync($"/api/v1/models/{Asset}");
        if (known.IsSuccessStatusCode) return;
        await gateway.Member.AddDatasetAsync(Asset);
        await gateway.Member.AddModelAsync(Asset);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Job_WithoutTwoCheckpoints_SaysWhatToChange()
    {
        var job = await SubmitAsync();

        var problem = await gateway.Member.PostAsync($"/api/v1/jobs/{job}/verify-resume", null).ProblemAsync(HttpStatusCode.Conflict, ErrorCodes.Conflict);

        Assert.Equal("checkpoint.every_steps", problem.Text("field"));
        Assert.Contains("no checkpoint", problem.Text("detail"));
    }

    [Fact]
    public async Task Step_ThatIsNotKept_IsRefusedWithThoseThatAre()
    {
        var job = await SubmitAsync();
        await CommitAsync(job, 5, 10, 15, 20);

        var problem = await VerifyAsync(gateway.Member, job, """{"from_step":7}""").ProblemAsync(HttpStatusCode.UnprocessableEntity, ErrorCodes.InvalidValue);
        Assert.Equal("from_step", problem.Text("field"));
        // checkpoint.keep is 2: older ones may be collected at any time.
        Assert.Contains("kept are the steps 15, 20.", problem.Text("detail"));
        await VerifyAsync(gateway.Member, job, """{"step":7}""").ProblemAsync(HttpStatusCode.BadRequest, ErrorCodes.UnknownField);
        await VerifyAsync(gateway.Member, job, """{"to_step":"7"}""").ProblemAsync(HttpStatusCode.BadRequest, ErrorCodes.InvalidJson);
    }

    [Fact]
    public async Task Job_OfAnotherTenant_DoesNotExist()
    {
        var job = await SubmitAsync();

        await VerifyAsync(gateway.Stranger, job).ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
        await VerifyAsync(gateway.Reader, job).ProblemAsync(HttpStatusCode.Forbidden, ErrorCodes.Forbidden);
        await VerifyAsync(gateway.Member, "job-none").ProblemAsync(HttpStatusCode.NotFound, ErrorCodes.NotFound);
    }

    [Fact]
    public void Slot_WithoutAJob_IsPreferredOnTheJobsHardwareAndBuild()
    {
        var nodes = new[] { Node("a", "other-cpu"), Node("b", "this-cpu", build: "2"), Node("c", "this-cpu") };

        var place = FreeSlot.Choose(Resolved(), nodes);

        Assert.Equal("c", place.Node.NodeId);
        Assert.Null(place.Note(Resolved()));
        Assert.Contains("build 2", FreeSlot.Choose(Resolved(), nodes[..2]).Note(Resolved()));
        Assert.Contains("'other-cpu'", FreeSlot.Choose(Resolved(), nodes[..1]).Note(Resolved()));
    }

    [Fact]
    public void Slot_WithARunningJob_IsNotTaken()
    {
        var nodes = new[] { Node("a", "this-cpu", taken: true), Node("b", "other-cpu") };

        var refusal = Assert.Throws<GridException>(() => FreeSlot.Choose(Resolved(), nodes));

        Assert.Equal(ErrorCodes.Unavailable, refusal.Code);
        Assert.Contains("all 1 run jobs", refusal.Message);
        Assert.Contains("alive", Assert.Throws<GridException>(() => FreeSlot.Choose(Resolved() with { Device = "cuda" }, nodes)).Message);
    }

    private async Task<string> SubmitAsync() => (await gateway.Member.SubmitAsync(Samples.Job(Asset, Asset)).JsonAsync(HttpStatusCode.Created)).Text("id");

    private static Task<HttpResponseMessage> VerifyAsync(HttpClient client, string job, string body = "{}") =>
        client.PostAsync($"/api/v1/jobs/{job}/verify-resume", HttpAssert.Json(body));

    /// <summary>Checkpoints as a trainer commits them.</summary>
    private async Task CommitAsync(string job, params int[] steps)
    {
        using var blobs = new LocalBlobStore(Path.Combine(gateway.Directory, "blobs"));
        var store = new CheckpointStore(blobs, job);
        await store.FenceAsync(1, "test");
        foreach (var step in steps) await store.CommitAsync(new CheckpointCommit(1, step, step, [new CheckpointPart("part", new byte[] { (byte)step })]));
    }

    private static NodeAvailability Node(string id, string hardware, string build = "1", bool taken = false) => new(
        id, 1, false, [new NodeSlot(0, "cpu", 1 << 30, 1, hardware)], false, true, DateTimeOffset.MaxValue,
        [], build, TakenSlots: taken ? [0] : []);

    private static ResolvedJob Resolved() => new()
    {
        TokenizerModelId = "m", TrainDatasetId = "d", TrainTokensKey = "k", TrainTokensDigest = "t", Format = "tokens", Device = "cpu", Precision = "fp32", Mode = "exact", Threads = 1,
        MicroBatchTokens = 1, Build = "1", Hardware = "this-cpu", TotalSteps = 1, TrainExamples = 1, TrainTokens = 1, TrainableParameters = 1, MemoryBytes = 1,
    };
}
