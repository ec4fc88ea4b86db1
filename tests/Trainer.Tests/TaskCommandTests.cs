using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Trainer.Tasks;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests;

public sealed class TaskCommandTests : IDisposable
{
    private readonly TestStore _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Completion_OfPrompts_AnswersEachAndRepeatsItself()
    {
        var task = Task(new CompletionTask(["hello", "hello", "a"], Chat: false, MaxTokens: 5, Temperature: 0, TopP: 1, Seed: 0));

        var (first, second) = (await RunAsync(task), await RunAsync(task));

        Assert.Null(first.Error);
        Assert.Equal(3, first.Completions!.Count);
        Assert.Equal(first.Completions[0].Text, first.Completions[1].Text);
        Assert.All(first.Completions, c => Assert.True(c is { CompletionTokens: 5, FinishReason: "length" } or { FinishReason: "stop" }));
        Assert.Equal(first.Completions, second.Completions);
    }

    [Fact]
    public async Task Evaluation_WithExactMatch_ComparesGreedyAnswers()
    {
        var reply = await RunAsync(new TrainerTask("task-e", _store.Access, "cpu", 1, _store.Model, null, Evaluation: new EvaluationTask(_store.Validation, 4)));

        Assert.Null(reply.Error);
        Assert.InRange(reply.Evaluation!.Loss, 1, 20);
        Assert.Equal(_store.Validation.SupervisedTokens, reply.Evaluation.SupervisedTokens);
        Assert.InRange(reply.Evaluation.ExactMatch!.Value, 0, 1);
        Assert.Equal(4, reply.Evaluation.Samples.Count);
    }

    [Fact]
    public async Task Task_ThatFails_IsAnsweredWithItsError()
    {
        var model = _store.Model with { Files = [.. _store.Model.Files.Where(f => f.Path != "config.json")] };

        var reply = await RunAsync(new TrainerTask("task-f", _store.Access, "cpu", 1, model, null, Evaluation: new EvaluationTask(_store.Validation, 0)));

        Assert.Equal(ErrorCodes.NotFound, reply.Error!.Code);
        Assert.Contains("config.json", reply.Error.Message);
    }

    [Fact]
    public void Plan_OfAnOrder_IsWhatATrainerWillDo()
    {
        var plan = Planning.Plan(_store.Blobs, _store.Order("job-plan"));

        Assert.Equal((10, 64, 1), (plan.TotalSteps, plan.MicroBatchTokens, plan.Threads));
        Assert.Equal(2 * 4 * (3 * (48 + 128) + 2 * (48 + 48) + 2 * (48 + 24)), plan.TrainableParameters);
        Assert.True(plan.MemoryBytes > 0 && plan.EstimatedSeconds > 0);
    }

    [Theory]
    [InlineData("""{"rank": 4000}""", "method.rank")]
    [InlineData("""{"target_modules": ["no_such_proj"]}""", "method.target_modules")]
    public void Plan_OfAMethodThatDoesNotFit_NamesTheField(string method, string field)
    {
        var order = _store.Order("job-plan", change: j => j["method"] = System.Text.Json.Nodes.JsonNode.Parse(method));

        var refusal = Assert.Throws<GridException>(() => Planning.Plan(_store.Blobs, order));

        Assert.Equal(field, refusal.Field);
        if (field == "method.target_modules") Assert.Contains("q_proj", refusal.Message);
    }

    [Fact]
    public void Plan_OfExamplesLongerThanTheContext_IsRefused()
    {
        var order = _store.Order("job-plan");

        var refusal = Assert.Throws<GridException>(() => Planning.Plan(_store.Blobs, order with { Train = order.Train with { LongestExample = 97 } }));

        Assert.Equal((ErrorCodes.SequenceTooLong, "data.sequence_length"), (refusal.Code, refusal.Field));
    }

    [Fact]
    public void Plan_OfDataWithoutLabels_IsRefused()
    {
        var order = _store.Order("job-plan");

        var refusal = Assert.Throws<GridException>(() => Planning.Plan(_store.Blobs, order with { Train = order.Train with { SupervisedTokens = 0 } }));

        Assert.Equal((ErrorCodes.NoTrainableTokens, "data.train"), (refusal.Code, refusal.Field));
    }

    private TrainerTask Task(CompletionTask completion) => new("task-c", _store.Access, "cpu", 1, _store.Model, null, Completion: completion);

    private async Task<TrainerTaskReply> RunAsync(TrainerTask task)
    {
        var (file, reply) = (Path.Combine(_store.Root, "task.json"), Path.Combine(_store.Root, "reply.json"));
        await File.WriteAllBytesAsync(file, GridJson.ToBytes(task));
        var (_, output, errors) = await TrainerProgram.RunAsync("task", file, reply);
        return File.Exists(reply) ? GridJson.Parse<TrainerTaskReply>(await File.ReadAllBytesAsync(reply)) : throw new InvalidOperationException(output + errors);
    }
}
