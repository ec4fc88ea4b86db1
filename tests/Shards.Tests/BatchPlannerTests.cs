using FineTuneGrid.Contracts;

namespace FineTuneGrid.Shards.Tests;

public sealed class BatchPlannerTests
{
    [Fact]
    public void Plan_RandomSizes_CoversEveryExampleOncePerEpoch()
    {
        var random = new Random(1);
        for (var round = 0; round < 200; round++)
        {
            var lengths = Enumerable.Range(0, random.Next(1, 120)).Select(_ => random.Next(1, 60)).ToArray();
            var options = round % 2 == 0
                ? new BatchOptions(random.Next(1, 300), null, random.Next(1, 120), round % 4 < 2)
                : new BatchOptions(null, random.Next(1, 20), random.Next(1, 120), round % 4 < 2);
            var planner = new BatchPlanner(lengths, round, options);
            var steps = 0L;
            var cursor = 0L;
            for (var epoch = 0; epoch < 3; epoch++)
            {
                List<int> seen = [];
                while (cursor < (epoch + 1L) * lengths.Length)
                {
                    var plan = planner.Plan(cursor);
                    Check(plan, lengths, options);
                    Assert.Equal(epoch, plan.Epoch);
                    seen.AddRange(plan.MicroBatches.SelectMany(m => m.Examples));
                    cursor = plan.NextCursor;
                    Assert.Equal(++steps, Steps(planner, cursor));
                }
                Assert.Equal(Enumerable.Range(0, lengths.Length), seen.Order());
                Assert.Equal(steps, planner.StepsOfEpochs(epoch + 1));
            }
            Assert.Equal(cursor, planner.CursorAfter(steps));
        }
    }

    [Fact]
    public void Plan_FromAnyCursor_IsAFunctionOfTheCursor()
    {
        var lengths = Enumerable.Range(1, 50).ToArray();
        var options = new BatchOptions(100, null, 60, true);
        var expected = Describe(new BatchPlanner(lengths, 3, options).Plan(60));
        var used = new BatchPlanner(lengths, 3, options);
        for (var cursor = 0L; cursor < 200; cursor = used.Plan(cursor).NextCursor)
            Assert.NotEmpty(used.Plan(cursor).MicroBatches);
        Assert.Equal(expected, Describe(used.Plan(60)));
    }

    [Fact]
    public void Plan_ExampleLongerThanTheBatch_IsTakenAlone()
    {
        var planner = new BatchPlanner([500, 500], 0, new BatchOptions(10, null, 10, true));
        Assert.Equal(500, Assert.Single(planner.Plan(0).MicroBatches).Tokens);
        Assert.Equal(2, planner.StepsOfEpochs(1));
    }

    [Fact]
    public void Create_NoExamplesOrBothSizes_IsRefused()
    {
        Assert.Equal(ErrorCodes.EmptyDataset, Assert.Throws<GridException>(() => new BatchPlanner([], 0, new BatchOptions(1, null, 1, true))).Code);
        Assert.Equal(ErrorCodes.InvalidSpec, Assert.Throws<GridException>(() => new BatchPlanner([1], 0, new BatchOptions(1, 1, 1, true))).Code);
        Assert.Equal(ErrorCodes.InvalidSpec, Assert.Throws<GridException>(() => new BatchPlanner([1], 0, new BatchOptions(0, null, 1, true))).Code);
    }

    private static void Check(StepPlan plan, int[] lengths, BatchOptions options)
    {
        var examples = plan.MicroBatches.SelectMany(m => m.Examples).ToArray();
        Assert.Equal(plan.NextCursor - plan.Cursor, examples.Length);
        Assert.True(examples.Length > 0);
        Assert.True(options.BatchTokens is not { } tokens || plan.Tokens <= tokens || examples.Length == 1);
        Assert.True(options.BatchSize is not { } size || examples.Length <= size);
        Assert.Equal(Enumerable.Range(0, plan.MicroBatches.Count), plan.MicroBatches.Select(m => m.Index));
        foreach (var micro in plan.MicroBatches)
        {
            Assert.Equal(micro.Tokens, micro.Examples.Sum(e => lengths[e]));
            var cost = options.Packing ? micro.Tokens : micro.Examples.Length * micro.Examples.Max(e => lengths[e]);
            Assert.True(cost <= options.MicroBatchTokens || micro.Examples.Length == 1);
        }
    }

    private static long Steps(BatchPlanner planner, long cursor)
    {
        var steps = 0L;
        for (var at = 0L; at < cursor; at = planner.Plan(at).NextCursor)
            steps++;
        return steps;
    }

    private static string Describe(StepPlan plan) => string.Join(';', plan.MicroBatches.Select(m => string.Join(',', m.Examples))) + $"->{plan.NextCursor}";
}
