using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace FineTuneGrid.Models.Tests;

/// <summary>Trained magnitudes, held to the plain formula: each adapted weight made in full, in a model without an adapter.</summary>
public sealed class DoraTests
{
    /// <summary>Linear layers, fused ones whose weights are stored the other way round, and biases.</summary>
    public static TheoryData<string> Families => ["llama", "gpt2", "qwen2"];

    private static LoraAdapter Adapter(Golden golden, CausalLm model, double dropout = 0)
    {
        var spec = new LoraSpec { Rank = 4, Alpha = 8, Dora = true, Dropout = dropout };
        return LoraAdapter.Create(LoraPlan.Resolve(golden.Architecture, spec), 3, weights: model.Weights);
    }

    /// <summary>Away from where it starts: B and the magnitudes changed.</summary>
    private static LoraAdapter Trained(Golden golden, CausalLm model, double dropout = 0)
    {
        using var scope = NewDisposeScope();
        var adapter = Adapter(golden, model, dropout);
        foreach (var module in adapter.Plan.Modules)
        {
            adapter.Parameters.FillNormal(module.NameB, 5, 0.1);
            var factors = new float[module.Out];
            Numerics.CounterRng.Stream(9, module.Name).FillUniform(factors, 0.2);
            adapter.Parameters.Set(module.NameMagnitude, adapter.Parameters[module.NameMagnitude].detach() * (tensor(factors) + 1));
        }
        return adapter;
    }

    private static Tensor Changed(CausalLm model, LoraAdapter adapter, LoraModuleSpec module)
    {
        var weight = model.Weights[module.Name + ".weight"];
        Tensor a = adapter.Parameters[module.NameA].detach(), b = adapter.Parameters[module.NameB].detach();
        return (module.Transposed ? weight.t() : weight) + b.matmul(a) * module.Scale;
    }

    /// <summary>Lengths of the rows of every adapted weight.</summary>
    private static Dictionary<string, Tensor> Lengths(CausalLm model, LoraAdapter adapter) => adapter.Plan.Modules.ToDictionary(
        m => m.Name, m => Changed(model, adapter, m).square().sum(-1).sqrt().DetachFromDisposeScope());

    /// <summary>The base with m / length * (W + scale * B A) in the place of each adapted W.</summary>
    private static CausalLm Merged(CausalLm model, LoraAdapter adapter, Dictionary<string, Tensor> lengths)
    {
        using var scope = NewDisposeScope();
        var tensors = model.Architecture.Parameters.ToDictionary(p => p.Name, p => model.Weights[p.Name].clone().DetachFromDisposeScope());
        foreach (var module in adapter.Plan.Modules)
        {
            var weight = Changed(model, adapter, module) * (adapter.Parameters[module.NameMagnitude].detach() / lengths[module.Name]).unsqueeze(1);
            var name = module.Name + ".weight";
            tensors[name].Dispose();
            tensors[name] = (module.Transposed ? weight.t() : weight).contiguous().DetachFromDisposeScope();
        }
        return new CausalLm(model.Architecture, ModelWeights.Frozen(tensors, ScalarType.Float32));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void NewAdapter_LeavesTheModelAsItsBase(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        using var adapter = Adapter(golden, model);
        var losses = model.Loss(golden.Batch(), adapter).Losses;
        Assert.All(model.Loss(golden.Batch()).Losses.Zip(losses), p => Assert.Equal(p.First, p.Second, 1e-4f));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Losses_AreThoseOfTheWeightsInFull(string family)
    {
        using var scope = NewDisposeScope();
        var golden = new Golden(family);
        using var model = golden.Load();
        using var adapter = Trained(golden, model);
        using var merged = Merged(model, adapter, Lengths(model, adapter));
        var expected = merged.Loss(golden.Batch()).Losses;
        Assert.All(expected.Zip(model.Loss(golden.Batch(), adapter).Losses), p => Assert.Equal(p.First, p.Second, 1e-4f));
        Assert.True(expected.Zip(model.Loss(golden.Batch()).Losses).Max(p => Math.Abs(p.First - p.Second)) > 0.1);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Gradient_IsThatOfTheWeightsInFull_WithTheLengthsHeld(string family)
    {
        using var scope = NewDisposeScope();
        var golden = new Golden(family);
        using var model = golden.Load();
        using var adapter = Trained(golden, model);
        var lengths = Lengths(model, adapter);
        var gradient = adapter.Parameters.NewBuffer();
        model.LossAndGradients(golden.Batch(), adapter, gradient);
        foreach (var slot in adapter.Parameters.Slots)
        {
            var values = new float[slot.Count];
            Numerics.CounterRng.Stream(1, slot.Name).FillNormal(values, 1);
            Tensor direction = tensor(values), part = adapter.Parameters.Flat.narrow(0, slot.Offset, slot.Count), own = gradient.narrow(0, slot.Offset, slot.Count);
            var (step, kept) = (2e-3f / MathF.Sqrt(slot.Count), part.clone());
            part.add_(direction, step);
            var up = Loss();
            part.copy_(kept).sub_(direction * step);
            var down = Loss();
            part.copy_(kept);
            var (found, expected) = ((own * direction).sum().item<float>(), (up - down) / (2 * step));
            Assert.True(Math.Abs(found - expected) < 0.05 * own.norm().item<float>() + 0.02, $"{slot.Name}: {found} instead of {expected}");
        }

        double Loss()
        {
            using var merged = Merged(model, adapter, lengths);
            return merged.Loss(golden.Batch()).Sum;
        }
    }

    [Fact]
    public void Dropout_ActsOnTheAdaptersPartAlone_AndGivesTheSameBitsWhenRecomputed()
    {
        var golden = new Golden("llama");
        using var model = golden.Load();
        using var start = Adapter(golden, model, dropout: 0.5);
        using var buffer = start.Parameters.NewBuffer();
        // With B zero and the base's own lengths there is nothing that dropout could change.
        var dropped = model.LossAndGradients(golden.Batch(), start, buffer, new TrainingPass(DropoutSeed: 4)).Losses;
        Assert.All(model.Loss(golden.Batch()).Losses.Zip(dropped), p => Assert.Equal(p.First, p.Second, 1e-4f));

        using var adapter = Trained(golden, model, dropout: 0.3);
        Assert.Equal(Bits(new TrainingPass(DropoutSeed: 1)), Bits(new TrainingPass(DropoutSeed: 1, Recompute: true)));
        Assert.NotEqual(Bits(new TrainingPass(DropoutSeed: 1)), Bits(new TrainingPass(DropoutSeed: 2)));

        string Bits(TrainingPass pass)
        {
            using var gradient = adapter.Parameters.NewBuffer();
            model.LossAndGradients(golden.Batch(), adapter, gradient, pass);
            return TensorBytes.Sha256(gradient);
        }
    }

    [Fact]
    public void Published_HasMagnitudesUnderTheirNamesAndReadsBack()
    {
        var golden = new Golden("llama");
        using var model = golden.Load();
        using var adapter = Trained(golden, model);
        Assert.Contains(adapter.Parameters.Slots, s => s.Name == "base_model.model.model.layers.0.mlp.up_proj.lora_magnitude_vector" && s.Shape is [128]);
        Assert.Equal(adapter.Plan.ParameterCount, adapter.Parameters.Count);
        var read = LoraPlan.Resolve(golden.Architecture, PeftConfig.Read(PeftConfig.Write(adapter.Plan, "base")));
        Assert.Equal(adapter.Plan.Modules, read.Modules);
    }
}
