using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace FineTuneGrid.Models.Tests;

/// <summary>The backward in parts: its bits, what it tells, what it leaves out.</summary>
public sealed class PartedPassTests
{
    public static TheoryData<string> Families => Golden.Families;

    [Theory]
    [MemberData(nameof(Families))]
    public void Gradients_HaveTheBitsOfOneGraph(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        using var adapter = golden.Adapter("init");
        Assert.Equal(OneGraph(golden, model, adapter), Gradients(golden, model, adapter));
        using var trained = new CausalLm(golden.Architecture, WeightLoader.LoadTrainable(golden.Architecture, golden.Weights));
        Assert.Equal(OneGraph(golden, trained, null), Gradients(golden, trained, null));
    }

    /// <summary>So a gang may exchange a layer's gradients while those below are still to come.</summary>
    [Theory]
    [MemberData(nameof(Families))]
    public void LayerDone_OfEachLayer_ComesWithItsFinishedGradientsAndBeforeAnyBelow(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        using var adapter = golden.Adapter("init");
        CheckLayers(golden, model, adapter, adapter.Parameters, recompute: false);
        CheckLayers(golden, model, adapter, adapter.Parameters, recompute: true);
        using var trained = new CausalLm(golden.Architecture, WeightLoader.LoadTrainable(golden.Architecture, golden.Weights));
        CheckLayers(golden, trained, null, trained.Weights.Trainable!, recompute: false);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Backward_BelowTheFirstTrainedLayer_DoesNotGo(bool recompute)
    {
        var golden = new Golden("llama");
        using var model = golden.Load();
        var last = golden.Architecture.LayerCount - 1;
        var spec = new LoraSpec { Rank = 2, Alpha = 4, Targets = new(null, $@".*layers\.{last}\..*") };
        using var adapter = LoraAdapter.Create(LoraPlan.Resolve(golden.Architecture, spec), 1);
        var done = new List<int>();
        using var gradient = adapter.Parameters.NewBuffer();

        model.LossAndGradients(golden.Batch(), adapter, gradient, new TrainingPass(Recompute: recompute, LayerDone: done.Add));

        Assert.Equal([last], done);
        Assert.True(gradient.abs().max().item<float>() > 0);
    }

    [Fact]
    public void LayerOfAParameter_IsTheFirstNumberInItsPath()
    {
        Assert.Equal(12, new FlatSlot("model.layers.12.mlp.experts.3.w1.weight", [1], 0, 1).Layer);
        Assert.Null(new FlatSlot("model.embed_tokens.weight", [1], 0, 1).Layer);
    }

    private static byte[] Gradients(Golden golden, CausalLm model, LoraAdapter? adapter)
    {
        using var gradient = (adapter?.Parameters ?? model.Weights.Trainable!).NewBuffer();
        model.LossAndGradients(golden.Batch(), adapter, gradient);
        return gradient.bytes.ToArray();
    }

    /// <summary>The same by one call of autograd over the whole model.</summary>
    private static byte[] OneGraph(Golden golden, CausalLm model, LoraAdapter? adapter)
    {
        using var scope = NewDisposeScope();
        var (architecture, batch) = (golden.Architecture, golden.Batch());
        using var layout = PackedLayout.Create(batch.Lengths, CPU);
        using var pass = new ForwardPass(model.Weights, layout, adapter) { TokenTypes = batch.TokenTypes is { } types ? tensor([.. types.Select(t => (long)t)]) : null };
        var x = architecture.Embed(pass, tensor([.. batch.Tokens.Select(t => (long)t)]));
        for (var layer = 0; layer < architecture.LayerCount; layer++) x = architecture.Block(pass, layer, x);
        var rows = architecture.Pool(pass, architecture.Final(pass, x).index_select(0, tensor([.. batch.SupervisedRows])));
        var parameters = adapter?.Parameters ?? model.Weights.Trainable!;
        var gradient = empty(rows.shape);
        var sum = parameters.NewBuffer();
        new LossHead(architecture.Head, model.Weights).Losses(rows.detach(), batch.Targets, gradient, sum, adapter: adapter);
        // An expert that no token chose has no part in it.
        var parts = autograd.grad([rows], [.. parameters.Slots.Select((_, i) => parameters.Leaf(i))], [gradient], allow_unused: true);
        foreach (var (slot, part) in parameters.Slots.Zip(parts).Where(p => !p.Second.IsInvalid)) FlatParameters.ViewOf(sum, slot).add_(part);
        return sum.bytes.ToArray();
    }

    private static void CheckLayers(Golden golden, CausalLm model, LoraAdapter? adapter, FlatParameters parameters, bool recompute)
    {
        using var gradient = parameters.NewBuffer();
        var told = new List<(int Layer, byte[] Then)>();
        model.LossAndGradients(golden.Batch(), adapter, gradient, new TrainingPass(Recompute: recompute, LayerDone: l => told.Add((l, gradient.bytes.ToArray()))));
        var final = gradient.bytes.ToArray();
        Assert.Equal(Enumerable.Range(0, golden.Architecture.LayerCount).Reverse(), told.Select(t => t.Layer));
        foreach (var slot in parameters.Slots.Where(s => s.Layer is not null))
        {
            var (from, bytes) = ((int)slot.Offset * sizeof(float), (int)slot.Count * sizeof(float));
            foreach (var (layer, then) in told)
            {
                var expected = layer <= slot.Layer ? final.AsSpan(from, bytes) : new byte[bytes];
                Assert.True(expected.SequenceEqual(then.AsSpan(from, bytes)), $"{slot.Name} when layer {layer} was told of");
            }
        }
    }
}
