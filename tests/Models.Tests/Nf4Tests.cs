using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Models.Numerics;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace FineTuneGrid.Models.Tests;

/// <summary>The base in 4-bit NormalFloat.</summary>
public sealed class Nf4Tests
{
    private static float[] Normal(int count, double deviation = 0.02)
    {
        var values = new float[count];
        CounterRng.Stream(3, "nf4").FillNormal(values, deviation);
        return values;
    }

    private static float[] Restored(float[] values, params long[] shape)
    {
        using var scope = NewDisposeScope();
        using var matrix = Nf4Matrix.Quantize(tensor(values, shape), CPU);
        var whole = matrix.Dequantize(ScalarType.Float32);
        Assert.Equal(shape, whole.shape);
        return [.. whole.data<float>()];
    }

    [Fact]
    public void DynamicCodes_AreThePublishedOnes()
    {
        Assert.Equal(256, Nf4Codes.Dynamic.Distinct().Count());
        Assert.Equal(Nf4Codes.Dynamic.Order(), Nf4Codes.Dynamic);
        // The ends, the middle and the first of the last power of ten, from the reference's own table.
        Assert.Equal([-0.99296875f, 0f, 5.5000004e-7f, 1f], new[] { Nf4Codes.Dynamic[0], Nf4Codes.Dynamic[127], Nf4Codes.Dynamic[128], Nf4Codes.Dynamic[255] });
        Assert.Equal(0.10703125f, Nf4Codes.Dynamic.First(v => v > 0.1), 1e-6f);
    }

    [Fact]
    public void Weights_ThatAreCodes_ComeBackAsTheyAre()
    {
        float[] values = [.. Enumerable.Range(0, 64).Select(i => Nf4Codes.Values[i * 7 % 16] * 0.5f)];
        Assert.Equal(values, Restored(values, 4, 16));
        Assert.Equal(new float[64], Restored(new float[64], 64));
    }

    /// <summary>Shapes with a broken last block, a broken last group and an odd count among them.</summary>
    [Theory]
    [InlineData(32, 64)]
    [InlineData(7, 11)]
    [InlineData(300, 70)]
    public void EachWeight_BecomesTheNearestCodeOfItsBlock(int rows, int columns)
    {
        var values = Normal(rows * columns);
        var restored = Restored(values, rows, columns);
        for (var start = 0; start < values.Length; start += Nf4Codes.Block)
        {
            var own = values[start..Math.Min(start + Nf4Codes.Block, values.Length)];
            var largest = own.Max(Math.Abs);
            for (var i = 0; i < own.Length; i++)
            {
                var nearest = Nf4Codes.Values.MinBy(c => Math.Abs(c - own[i] / largest));
                // The scale itself is in 8 bits.
                Assert.True(Math.Abs(nearest * largest - restored[start + i]) < 0.02 * largest * Math.Abs(nearest) + 1e-7, $"{start + i}");
            }
        }
    }

    [Fact]
    public void Memory_IsAboutHalfAByteAWeight()
    {
        Assert.InRange(Nf4Matrix.BytesFor(4096 * 4096) / (4096.0 * 4096), 0.51, 0.52);
        var golden = new Golden("llama");
        var plan = LoraPlan.Resolve(golden.Architecture, new LoraSpec { Rank = 8, Alpha = 12 });
        var whole = MemoryEstimate.Of(new(golden.Architecture, plan, ScalarType.Float32, 512, 64, Recompute: true));
        var small = MemoryEstimate.Of(new(golden.Architecture, plan, ScalarType.Float32, 512, 64, Recompute: true, Quantized: true));
        var matrices = golden.Architecture.Linears.Sum(l => (long)l.In * l.Out);
        Assert.Equal(whole.Weights - matrices * 4 + golden.Architecture.Linears.Sum(l => Nf4Matrix.BytesFor((long)l.In * l.Out)), small.Weights);
    }

    [Theory]
    [InlineData("llama", false)]
    [InlineData("llama", true)]
    [InlineData("gpt2", false)]
    public void Training_TakesTheGradientsOfTheRestoredWeights(string family, bool dora)
    {
        using var scope = NewDisposeScope();
        var golden = new Golden(family);
        using var model = new CausalLm(golden.Architecture, WeightLoader.Load(golden.Architecture, golden.Weights, quantize: true));
        Assert.True(model.Weights.IsQuantized);
        var tensors = golden.Architecture.Parameters.ToDictionary(p => p.Name, p => model.Weights[p.Name].clone().DetachFromDisposeScope());
        using var restored = new CausalLm(golden.Architecture, ModelWeights.Frozen(tensors, ScalarType.Float32));
        using var adapter = LoraAdapter.Create(LoraPlan.Resolve(golden.Architecture, new LoraSpec { Rank = 4, Alpha = 8, Dora = dora }), 3, weights: model.Weights);
        foreach (var module in adapter.Plan.Modules)
            adapter.Parameters.FillNormal(module.NameB, 5, 0.05);

        var expected = Gradient(restored, new TrainingPass());
        Assert.Equal(expected, Gradient(model, new TrainingPass()));
        Assert.Equal(expected, Gradient(model, new TrainingPass(Recompute: true)));

        using var exact = golden.Load();
        var difference = Math.Abs(exact.Loss(golden.Batch()).Sum / model.Loss(golden.Batch()).Sum - 1);
        Assert.InRange(difference, 1e-6, 0.1);

        string Gradient(CausalLm of, TrainingPass pass)
        {
            using var gradient = adapter.Parameters.NewBuffer();
            of.LossAndGradients(golden.Batch(), adapter, gradient, pass);
            return TensorBytes.Sha256(gradient);
        }
    }
}
