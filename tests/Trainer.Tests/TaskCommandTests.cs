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
    public async Task Completion_WithLogprobs_NamesEveryTokenAndItsPlace()
    {
        var plain = Task(new CompletionTask(["hello"], Chat: false, MaxTokens: 6, Temperature: 0, TopP: 1, Seed: 0, Echo: true, Logprobs: 2));
        var whole = (await RunAsync(plain)).Completions![0];
        var logprobs = whole.Logprobs!;

        var count = whole.PromptTokens + whole.CompletionTokens;
        Assert.Equal((count, count, count, count), (logprobs.Tokens.Count, logprobs.TokenLogprobs.Count, logprobs.TopLogprobs!.Count, logprobs.TextOffset.Count));
        Assert.StartsWith("hello", whole.Text, StringComparison.Ordinal);
        Assert.Null(logprobs.TokenLogprobs[0]);
        Assert.Null(logprobs.TopLogprobs[0]);
        Assert.All(logprobs.TokenLogprobs.Skip(1), l => Assert.True(l <= 0));
        // What was chosen greedily is the likeliest of those named.
        for (var i = whole.PromptTokens; i < count; i++)
            Assert.Equal(logprobs.TopLogprobs[i]!.Values.Max(), logprobs.TokenLogprobs[i]);
        Assert.Equal(logprobs.TextOffset.Order(), logprobs.TextOffset);
    }

    [Fact]
    public async Task Completion_ThatOnlyEchoes_ScoresWhatThePrefixesPredict()
    {
        var ids = FineTuneGrid.Text.ModelText.LoadFolder(Path.Combine(AppContext.BaseDirectory, "model")).EncodePrompt("hello, a hello");
        Assert.True(ids.Length > 3);

        var scored = (await RunAsync(Task(new CompletionTask([], false, 0, 0, 1, 0, PromptTokens: [[ids[0]], ids], Echo: true, Logprobs: 0)))).Completions!;
        var prefixes = Enumerable.Range(1, ids.Length - 1).Select(n => ids[..n]).ToArray();
        var next = (await RunAsync(Task(new CompletionTask([], false, 1, 0, 1, 0, PromptTokens: prefixes, Logprobs: 1 << 20)))).Completions!;

        Assert.Equal((ids.Length, 0, "length"), (scored[1].PromptTokens, scored[1].CompletionTokens, scored[1].FinishReason));
        Assert.Equal([null], scored[0].Logprobs!.TokenLogprobs);
        Assert.Null(scored[1].Logprobs!.TopLogprobs);
        for (var i = 1; i < ids.Length; i++)
            Assert.Equal(next[i - 1].Logprobs!.TopLogprobs![0]![scored[1].Logprobs!.Tokens[i]], scored[1].Logprobs!.TokenLogprobs[i]!.Value, 1e-4);
    }

    [Fact]
    public async Task Completion_WithAStopText_EndsBeforeIt()
    {
        var free = (await RunAsync(Task(new CompletionTask(["hello"], false, 12, 0, 1, 0)))).Completions![0];
        Assert.True(free.Text.Length > 3, free.Text);
        var stop = free.Text[2..4];

        var stopped = (await RunAsync(Task(new CompletionTask(["hello"], false, 12, 0, 1, 0, Stop: ["never there", stop])))).Completions![0];

        Assert.Equal((free.Text[..free.Text.IndexOf(stop, StringComparison.Ordinal)], "stop"), (stopped.Text, stopped.FinishReason));
        Assert.True(stopped.CompletionTokens <= free.CompletionTokens);
    }

    [Fact]
    public async Task Completion_OfTheLikeliestTokenAlone_IsGreedyAtAnyTemperature()
    {
        var greedy = await RunAsync(Task(new CompletionTask(["hello", "a"], false, 6, 0, 1, 0)));
        var drawn = await RunAsync(Task(new CompletionTask(["hello", "a"], false, 6, Temperature: 5, 1, Seed: 3, TopK: 1)));

        Assert.Equal(greedy.Completions, drawn.Completions);
    }

    [Fact]
    public async Task Completion_OfAnIdOutsideTheVocabulary_NamesThePrompt()
    {
        var reply = await RunAsync(Task(new CompletionTask([], false, 0, 0, 1, 0, PromptTokens: [[1, 2], [1, 1 << 20]], Echo: true, Logprobs: 0)));

        Assert.Equal((ErrorCodes.InvalidValue, "prompt"), (reply.Error!.Code, reply.Error.Field));
        Assert.Contains("Prompt 1", reply.Error.Message);
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
        var plan = Planning.Plan(_store.Blobs, new PlanTask(_store.Order("job-plan")));

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

        var refusal = Assert.Throws<GridException>(() => Planning.Plan(_store.Blobs, new PlanTask(order)));

        Assert.Equal(field, refusal.Field);
        if (field == "method.target_modules") Assert.Contains("q_proj", refusal.Message);
    }

    [Fact]
    public void Plan_OfExamplesLongerThanTheContext_IsRefused()
    {
        var order = _store.Order("job-plan");

        var refusal = Assert.Throws<GridException>(() => Planning.Plan(_store.Blobs, new PlanTask(order with { Train = order.Train with { LongestExample = 97 } })));

        Assert.Equal((ErrorCodes.SequenceTooLong, "data.sequence_length"), (refusal.Code, refusal.Field));
    }

    [Fact]
    public void Plan_ThatDoesNotFitTheSlot_IsRefusedWithTheBatchThatWould()
    {
        var order = _store.Order("job-plan", change: j => j["optimizer"]!["micro_batch_tokens"] = 4096);
        var small = Planning.Plan(_store.Blobs, new PlanTask(_store.Order("job-plan"))).MemoryBytes;

        var refusal = Assert.Throws<GridException>(() => Planning.Plan(_store.Blobs, new PlanTask(order, small)));

        Assert.Equal((ErrorCodes.OutOfMemory, "optimizer.micro_batch_tokens"), (refusal.Code, refusal.Field));
        // What fits is what the smaller job has, or more where its memory is not a whole token's.
        var said = int.Parse(System.Text.RegularExpressions.Regex.Match(refusal.Message, "micro_batch_tokens ([0-9]+) or less").Groups[1].Value);
        Assert.Equal(64, said);
        Assert.Equal(small, Planning.Plan(_store.Blobs, new PlanTask(_store.Order("job-plan"), small)).MemoryBytes);
    }

    [Fact]
    public void Plan_OfDataWithoutLabels_IsRefused()
    {
        var order = _store.Order("job-plan");

        var refusal = Assert.Throws<GridException>(() => Planning.Plan(_store.Blobs, new PlanTask(order with { Train = order.Train with { SupervisedTokens = 0 } })));

        Assert.Equal((ErrorCodes.NoTrainableTokens, "data.train"), (refusal.Code, refusal.Field));
    }

    private TrainerTask Task(CompletionTask completion) => new("task-c", _store.Access, "cpu", 1, _store.Model, null, Completion: completion);

    private Task<TrainerTaskReply> RunAsync(TrainerTask task) => TrainerProgram.RunTaskAsync(_store, task);
}
