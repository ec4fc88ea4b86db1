using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Storage;
using FineTuneGrid.Trainer.Training;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests;

/// <summary>Classifiers on an encoder, through the child process: from labelled sequences to an adapter that tells classes.</summary>
public sealed class ClassificationTests : IDisposable
{
    private readonly TestStore _store = new();
    private readonly ModelManifest _bert;

    public ClassificationTests()
    {
        var folder = _store.AddModel("bert", "bert", Path.Combine("families", "bert_seqcls"));
        _bert = folder with { LinearModules = [new("bert.pooler.dense", 48, 48)], Classes = ["LABEL_0", "LABEL_1", "LABEL_2"] };
    }

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Job_StoppedAndResumedBesideOneWithOtherClasses_LearnsAndHasTheBytesOfARunAlone()
    {
        await using var whole = await TrainAsync(Order("job-alone"));
        var steps = whole.Reports.OfType<JobSteps>().SelectMany(s => s.Steps).ToList();
        var valid = steps.Where(s => s.Valid is not null).Select(s => s.Valid!).ToList();
        Assert.True(steps[^1].TrainLoss < 0.3 * steps[0].TrainLoss, $"{steps[0].TrainLoss} to {steps[^1].TrainLoss}");
        Assert.True(valid[0].Accuracy < 0.9 && valid[^1] is { Accuracy: > 0.95, MacroF1: > 0.95 }, string.Join(", ", valid));
        var result = Finished(whole, "job-alone").Result;
        Assert.Equal((valid[^1], steps.Last(s => s.ValidLoss is not null).ValidLoss), (result.Valid, result.ValidLoss));

        await using (var cut = await StartAsync(Order("job-cut", every: 1)))
        {
            await cut.UntilAsync<JobCommitted>(c => c.Step >= 3);
            await cut.SendAsync(new Detach("job-cut", 1, Checkpoint: true, "test"));
            await cut.UntilAsync<JobDetached>();
        }
        var other = _store.AddClasses("two", 40, seed: 9, "LABEL_0", "LABEL_1");
        await using var again = await TrainAsync(Order("job-cut", every: 1, epoch: 2), Order("job-beside") with { Train = other, Validation = other });
        Assert.Equal(result.WeightsSha256, Finished(again, "job-cut").Result.WeightsSha256);
    }

    [Fact]
    public async Task Result_IsAnAdapterThatTellsClassesAndIsEvaluated()
    {
        await using var agent = await TrainAsync(Order("job-done"));
        var checkpoints = new CheckpointStore(_store.Blobs, "job-done");
        var parts = (await _store.ResultAsync("job-done")).Parts;
        SourceFile[] files = [.. parts.Where(p => p.Name is "adapter_config.json" or "adapter_model.safetensors" or ClassNames.FileName).Select(p => new SourceFile(p.Name, checkpoints.PartKey(p), p.Length, p.Sha256))];
        Assert.Equal(3, files.Length);
        Assert.Equal(["low", "middle", "high"], ClassNames.Read(await ReadAsync(files, ClassNames.FileName)));
        var config = await ReadAsync(files, "adapter_config.json");
        Assert.Equal("SEQ_CLS", config.GetProperty("task_type").GetString());

        var tuned = (await RunAsync(files, t => t with { Evaluation = new EvaluationTask(_store.Classes.Value, 0) })).Evaluation!;
        Assert.Equal(40, tuned.SupervisedTokens);
        Assert.True(tuned is { Loss: < 0.3, Classes.Accuracy: > 0.95 }, $"{tuned.Loss}, {tuned.Classes}");

        var told = await RunAsync(files, t => t with { Classification = new ClassificationTask([new("hello"), new("a", "b")]) });
        Assert.All(told.Classifications!, c => Assert.Equal(1, c.Probabilities.Sum(), 1e-9));
        Assert.All(told.Classifications!, c => Assert.Contains(c.Label, _store.Classes.Value.Classes!));

        var written = await RunAsync(files, t => t with { Completion = new CompletionTask(["hello"], false, 4, 0, 1, 0) });
        Assert.Equal(ErrorCodes.UnsupportedModel, written.Error!.Code);
        var own = await RunAsync(null, t => t with { Evaluation = new EvaluationTask(_store.Classes.Value, 0) });
        Assert.Equal((ErrorCodes.InvalidDataset, "dataset"), (own.Error!.Code, own.Error.Field));
    }

    [Fact]
    public async Task Gate_OnAccuracyThatIsNotReached_FailsTheJobAndKeepsItsCheckpoint()
    {
        var order = Order("job-gated", change: json =>
        {
            json["optimizer"]!["epochs"] = 1;
            json["evaluation"] = JsonNode.Parse("""{"gates": [{"metric": "valid_accuracy", "min": 0.999}]}""");
        });
        await using var agent = await StartAsync(order);
        var failed = await agent.UntilAsync<JobFailed>();
        Assert.Equal(ErrorCodes.GateFailed, failed.Error.Code);
        Assert.Contains("valid_accuracy", failed.Error.Message, StringComparison.Ordinal);
        Assert.False((await _store.ResultAsync("job-gated")).Finished);
    }

    [Fact]
    public void Scores_AreThoseOfTheDefinition()
    {
        var tally = new ClassTally(4);
        // Named, actual: class 3 occurs in neither way.
        foreach (var (named, actual) in new[] { (0, 0), (0, 0), (1, 0), (1, 1), (2, 1), (0, 2) })
            tally.Add([.. Enumerable.Range(0, 4).Select(c => c == named ? -0.1 : -3.0)], actual);
        var scores = tally.Scores();
        Assert.Equal(0.5, scores.Accuracy, 1e-12);
        Assert.Equal((2.0 * 2 / 6 + 2.0 * 1 / 4 + 0) / 3, scores.MacroF1, 1e-12);
        Assert.Equal((3 * 0.1 + 3 * 3.0) / 6, tally.Loss, 1e-12);
    }

    private TrainingOrder Order(string jobId, int every = 5, int epoch = 1, Action<JsonObject>? change = null) => _store.Order(jobId, epoch, json =>
    {
        json["objective"] = new JsonObject { ["type"] = "classification" };
        json["optimizer"]!["epochs"] = 12;
        json["checkpoint"]!["every_steps"] = every;
        json["evaluation"] = new JsonObject { ["every_steps"] = 5 };
        change?.Invoke(json);
    }) with { Model = _bert };

    private async Task<FakeAgent> TrainAsync(TrainingOrder order, TrainingOrder? neighbour = null)
    {
        var agent = await StartAsync(order);
        if (neighbour is not null)
        {
            await _store.FenceAsync(neighbour);
            await agent.SendAsync(new Attach(neighbour));
            await agent.UntilAsync<JobFinished>(f => f.JobId == neighbour.JobId);
        }
        if (!agent.Reports.OfType<JobFinished>().Any(f => f.JobId == order.JobId)) await agent.UntilAsync<JobFinished>(f => f.JobId == order.JobId);
        return agent;
    }

    private async Task<FakeAgent> StartAsync(TrainingOrder order)
    {
        await _store.FenceAsync(order);
        var agent = await FakeAgent.StartAsync(_store);
        await agent.SendAsync(new Attach(order));
        return agent;
    }

    private static JobFinished Finished(FakeAgent agent, string jobId) => agent.Reports.OfType<JobFinished>().Single(f => f.JobId == jobId);

    private async Task<JsonElement> ReadAsync(SourceFile[] files, string path) =>
        JsonDocument.Parse((await _store.Blobs.ReadAllBytesAsync(files.Single(f => f.Path == path).Key))!.Value.Bytes).RootElement;

    private async Task<TrainerTaskReply> RunAsync(SourceFile[]? adapter, Func<TrainerTask, TrainerTask> fill)
    {
        // The reference folder has no tokenizer: the tiny Llama's has as many ids.
        var model = _bert with { Files = [.. _bert.Files, .. _store.Model.Files.Where(f => f.Path.StartsWith("tokenizer", StringComparison.Ordinal))] };
        return await TrainerProgram.RunTaskAsync(_store, fill(new TrainerTask("task", _store.Access, "cpu", 1, model, adapter)));
    }
}
