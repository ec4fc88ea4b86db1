using System.Globalization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Lora;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Export;

/// <summary>How far the logits of what was written lie from those of what it was made of, over the same tokens.</summary>
/// <param name="Tokens">Positions compared.</param>
/// <param name="MaxLogitDifference">Largest distance of two logits.</param>
/// <param name="LargestLogit">Of the original, by its absolute value.</param>
/// <param name="TopOneAgreement">Share of the positions where both find the same token likeliest.</param>
public sealed record ExportParity(int Tokens, double MaxLogitDifference, double LargestLogit, double TopOneAgreement)
{
    /// <summary>What rounding to a dtype may do: the largest difference in parts of the largest logit, and the least agreement.</summary>
    public static (double Difference, double Agreement) Limits(ScalarType type) => type switch
    {
        ScalarType.BFloat16 => (0.1, 0.9),
        ScalarType.Float16 => (0.02, 0.97),
        _ => (1e-3, 0.99),
    };

    /// <param name="type">Of the coarsest weights that were written.</param>
    /// <exception cref="GridException"><c>internal_error</c>, naming the figure.</exception>
    public void Require(ScalarType type)
    {
        var (difference, agreement) = Limits(type);
        if (!(MaxLogitDifference <= difference * LargestLogit))
            throw Failed(string.Create(CultureInfo.InvariantCulture, $"the logits differ by up to {MaxLogitDifference:g3}; at most {difference * LargestLogit:g3} ({difference:p0} of the largest logit) is rounding"));
        if (!(TopOneAgreement >= agreement))
            throw Failed(string.Create(CultureInfo.InvariantCulture, $"the likeliest token agrees in {TopOneAgreement:p2} of {Tokens} positions; at least {agreement:p0} should"));
    }

    /// <summary>The logits of each sequence, fp32 [length, vocabulary] in host memory, in the caller's dispose scope.</summary>
    /// <param name="sequences">Token ids; each of at most the model's context.</param>
    public static IReadOnlyList<Tensor> Logits(CausalLm model, LoraAdapter? adapter, IReadOnlyList<int[]> sequences)
    {
        using var quiet = no_grad();
        return [.. sequences.Select(s => model.Logits(MicroBatch.Of([s]), adapter).cpu())];
    }

    /// <summary>Compares position by position.</summary>
    /// <param name="original"><see cref="Logits"/> of the model that was written, whose weights need not be in memory any more.</param>
    public static ExportParity Measure(IReadOnlyList<Tensor> original, CausalLm written, LoraAdapter? writtenAdapter, IReadOnlyList<int[]> sequences)
    {
        double difference = 0, largest = 0;
        long same = 0, count = 0;
        foreach (var (expected, sequence) in original.Zip(sequences))
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            var actual = Logits(written, writtenAdapter, [sequence])[0];
            difference = Worse(difference, (expected - actual).abs().max().item<float>());
            largest = Worse(largest, expected.abs().max().item<float>());
            same += expected.argmax(-1).eq(actual.argmax(-1)).sum().item<long>();
            count += sequence.Length;
        }
        return new ExportParity((int)count, difference, largest, count == 0 ? 0 : (double)same / count);
    }

    /// <summary>The larger one; what is no number is the worst of all.</summary>
    private static double Worse(double a, double b) => double.IsNaN(a) || double.IsNaN(b) ? double.NaN : Math.Max(a, b);

    private static GridException Failed(string what) =>
        new(ErrorCodes.Internal, $"The export was written, read back, and found not to be the same model: {what}. Nothing was kept.");
}
