using FineTuneGrid.Contracts;
using FineTuneGrid.Models;
using FineTuneGrid.Trainer.Tasks;

namespace FineTuneGrid.Trainer.Tests;

/// <summary>What does not fit is refused with the largest that would.</summary>
public sealed class MemoryAdmissionTests
{
    private const long Gib = 1L << 30;

    /// <summary>2 GiB of weights, 1 GiB of state, 1 MiB a token and 1 KiB a token of the longest sequence.</summary>
    private static MemoryEstimate Estimate(long tokens, long longest) => new(2 * Gib, Gib, tokens * ((1 << 20) + longest * 1024));

    private static GridException? Check(double gib, long tokens, long longest, int atOnce = 1, bool frozenWhole = true)
    {
        try
        {
            new MemoryAdmission(Estimate, (long)(gib * Gib), "cuda").Check(tokens, longest, atOnce, frozenWhole);
            return null;
        }
        catch (GridException e)
        {
            return e;
        }
    }

    [Fact]
    public void WhatFits_IsAccepted()
    {
        Assert.Null(Check(6, 2048, 128));
        Assert.Null(Check(Estimate(2048, 512).Total / (double)Gib, 2048, 512));
    }

    [Fact]
    public void TooLargeABatch_IsToldTheLargestThatFits()
    {
        var refused = Check(4, 2048, 512)!;
        Assert.Equal((ErrorCodes.OutOfMemory, "optimizer.micro_batch_tokens"), (refused.Code, refused.Field));
        var largest = Enumerable.Range(1, 2048).Last(n => Estimate(n, 512).Total <= 4 * Gib);
        Assert.Contains($"optimizer.micro_batch_tokens {largest} or less", refused.Message, StringComparison.Ordinal);
        Assert.Contains("a cuda slot has 4 GiB", refused.Message, StringComparison.Ordinal);
        Assert.Null(Check(4, largest, 512));
        Assert.NotNull(Check(4, largest + 1, 512));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void TooLongAnExample_IsToldTheLongestThatFits(int atOnce)
    {
        var refused = Check(4, 4096, 2048, atOnce)!;
        Assert.Equal("data.sequence_length", refused.Field);
        var longest = Enumerable.Range(1, 2048).Last(n => Estimate(n * atOnce, n).Total <= 4 * Gib);
        Assert.Contains($"at most {longest} tokens", refused.Message, StringComparison.Ordinal);
        Assert.Null(Check(4, longest * atOnce, longest, atOnce));
    }

    [Theory]
    [InlineData(true, "method.quantization to nf4")]
    [InlineData(false, "a smaller base")]
    public void WeightsThatDoNotFit_AreToldWhatElseToDo(bool frozenWhole, string fix)
    {
        var refused = Check(2.5, 64, 8, frozenWhole: frozenWhole)!;
        Assert.Equal("base_model", refused.Field);
        Assert.Contains(fix, refused.Message, StringComparison.Ordinal);
    }
}
