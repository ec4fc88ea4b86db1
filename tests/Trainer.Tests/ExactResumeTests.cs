using System.Text.Json.Nodes;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests;

/// <summary>However a run is cut up, its result has the same bytes.</summary>
public sealed class ExactResumeTests : IDisposable
{
    private readonly TestStore _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Result_AfterStopsAtSeveralSteps_HasTheBytesOfAnUndisturbedRun()
    {
        var expected = await UndisturbedAsync(_store, "job-whole", Lasting);

        var epoch = 1;
        foreach (var step in (int[])[1, 4, 8])
        {
            await using var agent = await StartAsync("job-cut", epoch, Stoppable);
            await agent.UntilAsync<JobCommitted>(c => c.Step >= step);
            await agent.SendAsync(new Detach("job-cut", epoch, Checkpoint: true, "test"));
            var left = await agent.UntilAsync<JobDetached>();
            Assert.True(left.CommittedStep >= step);
            epoch++;
        }
        await using var last = await StartAsync("job-cut", epoch, Stoppable);
        var attached = await last.UntilAsync<JobAttached>();
        var finished = await last.UntilAsync<JobFinished>();

        Assert.True(attached.FromStep >= 8);
        Assert.Equal(expected, finished.Result.WeightsSha256);
    }

    [Fact]
    public Task Result_AfterTwoKills_HasTheBytesOfAnUndisturbedRun() => KillAndCompareAsync(2, seed: 11);

    [Fact]
    [Trait("Category", "Slow")]
    public Task Result_AfterTwentyKills_HasTheBytesOfAnUndisturbedRun() => KillAndCompareAsync(20, seed: 12);

    [Fact]
    public async Task Result_BesideANeighbourInOneSession_HasTheBytesOfARunAlone()
    {
        var alone = await UndisturbedAsync(_store, "job-alone");
        var (first, second) = (_store.Order("job-first"), _store.Order("job-second", change: j => j["optimizer"]!["seed"] = 8));
        await _store.FenceAsync(first);
        await _store.FenceAsync(second);
        await using var agent = await FakeAgent.StartAsync(_store);

        await agent.SendAsync(new Attach(second));
        await agent.UntilAsync<JobAttached>();
        await agent.SendAsync(new Attach(first));
        var results = new[] { await agent.UntilAsync<JobFinished>(), await agent.UntilAsync<JobFinished>() }.ToDictionary(f => f.JobId, f => f.Result.WeightsSha256);

        Assert.Equal(alone, results["job-first"]);
        Assert.NotEqual(alone, results["job-second"]);
        Assert.Equal(0, await agent.ShutdownAsync());
    }

    [Fact]
    public async Task Result_InAnotherDataDirectoryUnderAnotherName_HasTheSameBytes()
    {
        using var other = new TestStore();

        Assert.Equal(await UndisturbedAsync(_store, "job-here"), await UndisturbedAsync(other, "job-there"));
    }

    [Theory]
    [InlineData("""{"method": {"rank": 4, "alpha": 8, "dropout": 0.1}}""")]
    [InlineData("""{"method": {"rank": 4, "alpha": 8, "dora": true, "lora_plus_ratio": 16}}""")]
    [InlineData("""{"method": {"rank": 4, "alpha": 8, "quantization": "nf4"}}""")]
    [InlineData("""{"objective": {"type": "dpo", "beta": 0.2}}""")]
    [InlineData("""{"objective": {"type": "classification"}}""")]
    [InlineData("""{"method": {"rank": 4, "alpha": 8, "modules_to_save": ["embed_tokens", "lm_head"]}}""")]
    public async Task Result_OfEachMethod_IsTheSameAfterAStop(string changes)
    {
        void Method(JsonObject json)
        {
            foreach (var (name, value) in JsonNode.Parse(changes)!.AsObject()) json[name] = value!.DeepClone();
        }
        var expected = await UndisturbedAsync(_store, "job-method", j => { Method(j); Lasting(j); });
        await using (var agent = await StartAsync("job-method-cut", 1, j => { Method(j); Stoppable(j); }))
        {
            await agent.UntilAsync<JobCommitted>();
            await agent.SendAsync(new Detach("job-method-cut", 1, Checkpoint: true, "test"));
            await agent.UntilAsync<JobDetached>();
        }
        await using var again = await StartAsync("job-method-cut", 2, j => { Method(j); Stoppable(j); });

        Assert.Equal(expected, (await again.UntilAsync<JobFinished>()).Result.WeightsSha256);
        Assert.NotEqual(expected, await UndisturbedAsync(_store, "job-plain", Lasting));
    }

    [Fact]
    public async Task Result_OfAllParameters_IsTheSameAfterAStop()
    {
        var expected = await UndisturbedAsync(_store, "job-full", j => { FromRandomWeights(j); Lasting(j); });
        await using (var agent = await StartAsync("job-full-cut", 1, j => { FromRandomWeights(j); Stoppable(j); }))
        {
            await agent.UntilAsync<JobCommitted>();
            await agent.SendAsync(new Detach("job-full-cut", 1, Checkpoint: true, "test"));
            await agent.UntilAsync<JobDetached>();
        }
        await using var again = await StartAsync("job-full-cut", 2, j => { FromRandomWeights(j); Stoppable(j); });

        Assert.Equal(expected, (await again.UntilAsync<JobFinished>()).Result.WeightsSha256);
        var parts = (await _store.ResultAsync("job-full-cut")).Parts.Select(p => p.Name);
        Assert.Superset(new HashSet<string> { "model.safetensors", "config.json", "optimizer.safetensors" }, parts.ToHashSet());
    }

    [Fact]
    public async Task Attach_ToAFinishedJob_ReportsTheResultAgainWithoutTraining()
    {
        var expected = await UndisturbedAsync(_store, "job-done");
        await using var agent = await StartAsync("job-done", 2, null);

        var finished = await agent.UntilAsync<JobFinished>();

        Assert.Equal((expected, 2), (finished.Result.WeightsSha256, finished.Epoch));
        Assert.DoesNotContain(agent.Reports, r => r is JobAttached or JobSteps or JobCommitted);
    }

    /// <summary>60 steps: a trainer that is told to stop at its first ones has not ended before it hears of it.</summary>
    private static void Lasting(JsonObject json) => json["optimizer"]!["epochs"] = 12;

    private static void Stoppable(JsonObject json)
    {
        Lasting(json);
        json["checkpoint"]!["every_steps"] = 1;
    }

    /// <summary>All parameters of a model of a few thousand, from random weights.</summary>
    internal static void FromRandomWeights(JsonObject json)
    {
        json["base_model"] = JsonNode.Parse("""
            {"init": {"model_type": "llama", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
                      "num_key_value_heads": 1, "vocab_size": 320, "max_position_embeddings": 96, "rms_norm_eps": 1e-5, "hidden_act": "silu",
                      "tie_word_embeddings": true}, "tokenizer": "tiny"}
            """);
        json["method"] = new JsonObject { ["type"] = "full" };
    }

    private static async Task<string> UndisturbedAsync(TestStore store, string jobId, Action<JsonObject>? change = null)
    {
        var order = store.Order(jobId, change: change);
        await store.FenceAsync(order);
        await using var agent = await FakeAgent.StartAsync(store);
        var finished = await agent.TrainAsync(order);
        return finished.Result.WeightsSha256;
    }

    private async Task<FakeAgent> StartAsync(string jobId, int epoch, Action<JsonObject>? change)
    {
        var order = _store.Order(jobId, epoch, change);
        await _store.FenceAsync(order);
        var agent = await FakeAgent.StartAsync(_store);
        await agent.SendAsync(new Attach(order));
        return agent;
    }

    /// <summary>
    /// SIGKILL at a random moment between two of the trainer's words, again and again, then to the end. The job grows with the
    /// kills: all of them must find it in training, on a slow machine too, where a trainer runs ahead of what is heard of it.
    /// </summary>
    private async Task KillAndCompareAsync(int kills, int seed)
    {
        void Long(JsonObject json)
        {
            json["optimizer"]!["epochs"] = 6 * kills;
            json["checkpoint"]!["every_steps"] = 2;
        }
        var expected = await UndisturbedAsync(_store, "job-whole", Long);
        var random = new Random(seed);
        var attached = new List<int>();
        for (var epoch = 1; epoch <= kills; epoch++)
        {
            await using var agent = await StartAsync("job-killed", epoch, Long);
            attached.Add((await agent.UntilAsync<JobAttached>()).FromStep);
            var words = random.Next(kills + 1);
            for (var i = 0; i < words && agent.Reports[^1] is not JobFinished; i++) await agent.UntilAsync<TrainerReport>();
            agent.Process.Kill();
            Assert.Equal(128 + 9, await agent.ExitAsync());
        }
        await using var last = await StartAsync("job-killed", kills + 1, Long);
        attached.Add((await last.UntilAsync<JobAttached>()).FromStep);

        Assert.Equal(expected, (await last.UntilAsync<JobFinished>()).Result.WeightsSha256);
        // None started over: each went on from where the one before it had committed.
        Assert.Equal(attached.Order(), attached);
    }
}
