using FineTuneGrid.Models.Optim;

namespace FineTuneGrid.Models.Tests;

public sealed class LocalStepTests
{
    [Fact]
    public void Int8Blocks_OfNumbersOfVeryDifferentSizes_LoseAtMostHalfAStepOfTheirBlock()
    {
        // Two whole blocks and a part of a third, each of another magnitude.
        var values = Enumerable.Range(0, 2500).Select(i => MathF.Sin(i) * (i < 1024 ? 1e-6f : i < 2048 ? 1f : 1e4f)).ToArray();
        var (code, rest, decoded) = (new byte[Int8Blocks.Size(values.Length)], values.ToArray(), new float[values.Length]);

        Int8Blocks.Encode(rest, code);
        Int8Blocks.AddDecoded(code, 1, decoded);

        Assert.Equal(2500 + 3 * 4, code.Length);
        for (var i = 0; i < values.Length; i++)
        {
            var step = (i < 1024 ? 1e-6f : i < 2048 ? 1f : 1e4f) / 127;
            Assert.True(Math.Abs(values[i] - decoded[i]) <= 0.501f * step, $"{values[i]} became {decoded[i]}");
            Assert.Equal(values[i], decoded[i] + rest[i], step * 1e-4f);
        }
    }

    [Fact]
    public void Int8Blocks_OfZeros_AreZeros()
    {
        var (code, decoded) = (new byte[Int8Blocks.Size(3)], new float[3]);

        Int8Blocks.Encode(new float[3], code);
        Int8Blocks.AddDecoded(code, 1, decoded);

        Assert.Equal([0f, 0f, 0f], decoded);
    }

    [Fact]
    public void Int8Blocks_WithErrorFeedback_LoseNothingOverManyRounds()
    {
        // The small numbers are far below a step of the block that the large one sets.
        float[] sent = [100f, 0.01f, -0.003f];
        var (carried, sum, code) = (new float[3], new float[3], new byte[Int8Blocks.Size(3)]);
        const int rounds = 1000;

        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < sent.Length; i++) carried[i] += sent[i];
            Int8Blocks.Encode(carried, code);
            Int8Blocks.AddDecoded(code, 1, sum);
        }

        for (var i = 0; i < sent.Length; i++) Assert.True(Math.Abs(sum[i] - rounds * sent[i]) < 1, $"{sum[i]} came of {rounds * sent[i]}");
        Assert.NotEqual(0, sum[1]);
    }

    [Fact]
    public void OuterNesterov_OfTwoSteps_FollowsItsDefinition()
    {
        var outer = new OuterNesterov([1f, 2f], rate: 0.5f, momentum: 0.9f);

        outer.Step([0.1f, -0.2f]);
        outer.Step([0.2f, 0f]);

        // v1 = d1; x1 = x0 - 0.5 (d1 + 0.9 v1). v2 = 0.9 v1 + d2; x2 = x1 - 0.5 (d2 + 0.9 v2).
        Assert.Equal(0.29f, outer.Velocity[0], 1e-6f);
        Assert.Equal(1 - 0.5f * 0.19f - 0.5f * (0.2f + 0.9f * 0.29f), outer.Values[0], 1e-6f);
        Assert.Equal(2 + 0.5f * 0.38f - 0.5f * (0.9f * -0.18f), outer.Values[1], 1e-6f);
    }
}
