using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Generation;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Numerics;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Tests;

public sealed class NumericsTests
{
    [Fact]
    public void CounterRng_Values_AreKnownUniformAndIndependentOfOrder()
    {
        var stream = CounterRng.Stream(1, "a");
        var values = new float[100_000];
        stream.FillUniform(values, 1);
        Assert.InRange(values.Average(), -0.01, 0.01);
        Assert.InRange(values.Average(v => v * v), 0.33, 0.337);
        var tail = new float[10];
        stream.FillUniform(tail, 1, 500);
        Assert.Equal(values.Skip(500).Take(10), tail);
        stream.FillNormal(values, 2);
        Assert.InRange(values.Average(), -0.03, 0.03);
        Assert.InRange(values.Average(v => v * v), 3.9, 4.1);
        Assert.NotEqual(stream.Bits(0), CounterRng.Stream(2, "a").Bits(0));
        Assert.NotEqual(stream.Bits(0), CounterRng.Stream(1, "b").Bits(0));
    }

    [Fact]
    public void DropoutMask_KeepsTheExpectation()
    {
        var mask = new float[100_001];
        CounterRng.Stream(1, "m").FillDropoutMask(mask, 0.25);
        Assert.InRange(mask.Count(m => m == 0) / (double)mask.Length, 0.24, 0.26);
        Assert.Equal([0f, 1 / 0.75f], mask.Distinct().Order());
    }

    [Theory]
    [InlineData("cosine", 0, 0.5)]
    [InlineData("cosine", 1, 1)]
    [InlineData("cosine", 5, 0.5)]
    [InlineData("linear", 5, 0.5)]
    [InlineData("linear", 9, 0)]
    [InlineData("constant", 8, 1)]
    public void Schedule_OfNineStepsAndOneOfWarmup(string kind, long step, double expected) =>
        Assert.Equal(expected, new LearningRateSchedule(kind, 1, 9, 1.0 / 9).At(step), 12);

    [Fact]
    public void Norm_OfAnyLength_IsTheEuclideanOne()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(5, FixedOrder.Norm(tensor(new float[] { 3, 4 })), 12);
        Assert.Equal(Math.Sqrt(1_100_003), FixedOrder.Norm(ones(1_100_003)), 9);
    }

    [Fact]
    public void Clipping_AboveTheLimit_ScalesToIt()
    {
        using var parameters = FlatParameters.Zeros([("w", [2L])]);
        using var optimizer = new AdamW(parameters, new AdamWOptions { MaxGradientNorm = 1 });
        using var gradient = tensor(new float[] { 30, 40 });
        Assert.Equal(50, optimizer.Step(gradient, 0.1), 9);
        Assert.Equal(1, FixedOrder.Norm(gradient), 5);
        Assert.Equal([-0.1f, -0.1f], parameters.Flat.data<float>().ToArray().Select(v => MathF.Round(v, 4)));
    }

    [Theory]
    [InlineData(1.0, null)]
    [InlineData(0.5, null)]
    [InlineData(1.0, 3.0)]
    [InlineData(0.25, 2.0)]
    public void LossHead_ScaleAndSoftCap_GradientMatchesFiniteDifferences(double scale, double? cap)
    {
        using var scope = NewDisposeScope();
        var head = new HeadSpec("head.weight", "head.bias", scale, cap);
        var weights = ModelWeights.Trained(FlatParameters.Zeros([("head.weight", [11L, 6L]), ("head.bias", [11L])]));
        weights.Trainable!.FillNormal("head.weight", 1, 1);
        weights.Trainable!.FillNormal("head.bias", 1, 1);
        var loss = new LossHead(head, weights);
        var values = new float[30];
        CounterRng.Stream(3, "x").FillNormal(values, 1);
        long[] targets = [0, 10, 3, 3, 7];
        var rows = tensor(values, [5, 6]);
        var gradient = empty([5, 6]);
        var parameters = weights.Trainable!.NewBuffer();
        loss.Losses(rows, targets, gradient, parameters);
        Check(rows.view(-1), gradient.view(-1));
        Check(weights.Trainable!.Flat, parameters);

        void Check(Tensor point, Tensor expected)
        {
            for (var i = 0; i < point.NumberOfElements; i++)
            {
                var one = point.narrow(0, i, 1);
                const float h = 5e-3f;
                one.add_(h);
                var up = loss.Losses(rows, targets).Sum();
                one.sub_(2 * h);
                var down = loss.Losses(rows, targets).Sum();
                one.add_(h);
                Assert.Equal(expected.narrow(0, i, 1).item<float>(), (up - down) / (2 * h), 2e-2f);
            }
        }
    }

    [Fact]
    public void Sampler_IsAFunctionOfSeedPromptAndStep_AndHonoursTopP()
    {
        float[] logits = [2, 1, 0, -1];
        var options = new GenerationOptions { Temperature = 1, Seed = 4 };
        int[] draws = [.. Enumerable.Range(0, 4000).Select(s => TokenSampler.Choose(logits, options, 0, s))];
        Assert.Equal(draws, Enumerable.Range(0, 4000).Select(s => TokenSampler.Choose(logits, options, 0, s)));
        Assert.NotEqual(draws, Enumerable.Range(0, 4000).Select(s => TokenSampler.Choose(logits, options, 1, s)));
        Assert.InRange(draws.Count(d => d == 0) / 4000.0, 0.62, 0.67);
        Assert.Equal([0, 1], Enumerable.Range(0, 500).Select(s => TokenSampler.Choose(logits, options with { TopP = 0.8 }, 0, s)).Distinct().Order());
        Assert.Equal([0, 1, 2], Enumerable.Range(0, 500).Select(s => TokenSampler.Choose(logits, options with { TopK = 3 }, 0, s)).Distinct().Order());
        // Of the two likeliest together the first alone has 73%.
        Assert.Equal([0], Enumerable.Range(0, 500).Select(s => TokenSampler.Choose(logits, options with { TopK = 2, TopP = 0.7 }, 0, s)).Distinct());
        Assert.Equal([(0, -0.4402f), (1, -1.4402f)], TokenSampler.Score(logits, 1, 2).Likeliest.Select(t => (t.Id, MathF.Round(t.LogProb, 4))));
        Assert.Equal(0, TokenSampler.Choose(logits, options with { Temperature = 0 }, 0, 0));
        Assert.Equal(-0.4402f, TokenSampler.LogProb(logits, 0), 4);
    }

    [Fact]
    public void Generate_StopTokenAndContext_EndASequence()
    {
        var golden = new Golden("llama");
        using var model = golden.Load();
        var prompt = golden.Sequences[0][..12];
        var free = new TextGenerator(model).Generate([prompt], new GenerationOptions { MaxNewTokens = 8 })[0];
        var stopped = new TextGenerator(model).Generate([prompt], new GenerationOptions { MaxNewTokens = 8, StopTokens = [free.Tokens[3]] })[0];
        Assert.Equal(free.Tokens.TakeWhile(t => t != free.Tokens[3]), stopped.Tokens);
        Assert.True(stopped.Stopped);
        var full = new TextGenerator(model).Generate([golden.Sequences[0]], new GenerationOptions { MaxNewTokens = 500 })[0];
        Assert.Equal(96 - 48, full.Tokens.Count);
        Assert.False(full.Stopped);
    }
}
