using System.Net.Http.Json;
using System.Text.Json;
using FineTuneGrid.Clients.Tests.Support;
using FineTuneGrid.Gateway.Tests.Support;

namespace FineTuneGrid.Clients.Tests;

/// <summary>The official OpenAI client submits, lists and steers jobs. No node is there, so that they stay in validation.</summary>
[Collection(GatewayCollection.Name)]
public sealed class OpenAiJobTests(GatewayUnderTest gateway) : IAsyncLifetime
{
    private const string Asset = "client-jobs";

    private OpenAiClient _acme = null!;

    public async Task InitializeAsync()
    {
        _acme = new OpenAiClient(gateway.Address, (await gateway.KeyAsync("member", GatewayUnderTest.Acme)).Secret);
        using var known = await gateway.Member.GetAsync($"/api/v1/models/{Asset}");
        if (known.IsSuccessStatusCode) return;
        await gateway.Member.AddDatasetAsync(Asset);
        await gateway.Member.AddModelAsync(Asset);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Pages_AreFollowedOverAHundredJobs()
    {
        var (mark, made) = (Guid.NewGuid().ToString("N"), new List<string>());
        for (var i = 0; i < 105; i++)
        {
            var metadata = new Dictionary<string, string> { ["mark"] = mark, ["parity"] = i % 2 == 0 ? "even" : "odd" };
            made.Add((await gateway.Member.PostAsJsonAsync("/v1/fine_tuning/jobs", new { model = Asset, training_file = Asset, metadata }).JsonAsync()).Text("id"));
        }
        made.Reverse();
        Assert.Equal(made, await IdsAsync(new { limit = 20, metadata = new { mark } }));
        Assert.Equal(made, (await IdsAsync(new { })).Where(made.Contains));
        Assert.Equal(53, (await IdsAsync(new { limit = 10, metadata = new { mark, parity = "even" } })).Count);
        Assert.Empty((await IdsAsync(new { metadata = (object?)null })).Intersect(made));
    }

    [Fact]
    public async Task Job_IsSteered_AndItsEventsAreRead()
    {
        var job = await _acme.CallAsync("fineTuning.jobs.create", new
        {
            model = Asset, training_file = Asset, suffix = "steered", seed = 4,
            method = new { type = "supervised", supervised = new { hyperparameters = new { n_epochs = "auto", batch_size = 2 }, lora = new { rank = 4, packing = false } } },
        });
        var id = job.Text("id");
        Assert.Equal((4, 4), (job.GetProperty("seed").GetInt32(), job.GetProperty("method").GetProperty("supervised").GetProperty("lora").GetProperty("rank").GetInt32()));
        Assert.Equal(2, job.GetProperty("hyperparameters").GetProperty("batch_size").GetInt32());
        // The client's type has no word for a pause.
        Assert.Equal("queued", (await _acme.CallAsync("fineTuning.jobs.pause", id)).Text("status"));
        Assert.Equal("validating_files", (await _acme.CallAsync("fineTuning.jobs.resume", id)).Text("status"));
        Assert.Equal("cancelled", (await _acme.CallAsync("fineTuning.jobs.cancel", id)).Text("status"));
        Assert.Equal("cancelled", (await _acme.CallAsync("fineTuning.jobs.retrieve", id)).Text("status"));
        var events = (await _acme.CallAsync("fineTuning.jobs.listEvents", id, new { limit = 1 })).EnumerateArray().ToList();
        Assert.Equal(["cancelled", "validating", "paused", "validating"], events.Select(e => e.GetProperty("data").Text("status")));
        Assert.Empty((await _acme.CallAsync("fineTuning.jobs.checkpoints.list", id)).EnumerateArray());
        var late = await _acme.FailAsync("fineTuning.jobs.pause", id);
        Assert.Equal(("ConflictError", 409), (late.Kind, late.Status));
    }

    [Fact]
    public async Task Refusals_NameTheParameter()
    {
        foreach (var (more, param, kind) in ((object, string, string)[])[
            (new { model = "no-such-model", training_file = Asset }, "model", "NotFoundError"),
            (new { model = Asset, training_file = "file-none" }, "training_file", "BadRequestError"),
            (new { model = Asset, training_file = Asset, hyperparameters = new { n_epochs = 0 } }, "hyperparameters.n_epochs", "BadRequestError"),
            (new { model = Asset, training_file = Asset, method = new { type = "dpo", dpo = new { lora = new { rank = -1 } } } }, "method.dpo.lora.rank", "BadRequestError"),
            (new { model = Asset, training_file = Asset, integrations = new[] { new { type = "wandb", wandb = new { project = "p" } } } }, "integrations", "BadRequestError")])
        {
            var error = await _acme.FailAsync("fineTuning.jobs.create", more);
            Assert.Equal((kind, param), (error.Kind, error.Param));
        }
        Assert.Equal(("NotFoundError", "fine_tuning_job_id"), await _acme.FailAsync("fineTuning.jobs.retrieve", "ftjob-none") is var missing ? (missing.Kind, missing.Param) : default);
    }

    private async Task<List<string>> IdsAsync(object query) => [.. (await _acme.CallAsync("fineTuning.jobs.list", query)).EnumerateArray().Select(j => j.Text("id"))];
}
