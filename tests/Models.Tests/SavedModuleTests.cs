using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Tests;

/// <summary><c>modules_to_save</c> of models that predict tokens: embeddings and heads that are trained whole beside an adapter.</summary>
public sealed class SavedModuleTests
{
    private static readonly string[] EmbeddingAndHead = ["embed_tokens", "lm_head"];

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen2")]
    public void Saved_HeadAndEmbedding_StartAsTheBase_AndOnlyTheyAndTheFactorsMove(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        using var adapter = LoraAdapter.Create(LoraPlan.Resolve(golden.Architecture, Spec(EmbeddingAndHead)), 1, weights: model.Weights);
        Assert.Equal(["base_model.model.lm_head.weight", "base_model.model.model.embed_tokens.weight"], adapter.Plan.Saved.Select(s => s.Name).Order(StringComparer.Ordinal));
        var before = model.Loss(golden.Batch());
        Assert.Equal(before.Losses, model.Loss(golden.Batch(), adapter).Losses);
        var start = adapter.Parameters.Flat.data<float>().ToArray();
        Train(model, adapter, golden, 3);
        Assert.True(model.Loss(golden.Batch(), adapter).Sum < before.Sum);
        Assert.Equal(before.Losses, model.Loss(golden.Batch()).Losses);
        foreach (var saved in adapter.Plan.Saved)
        {
            var slot = adapter.Parameters.Slots[adapter.Parameters.IndexOf(saved.Name)];
            using var part = adapter.Parameters.Flat.narrow(0, slot.Offset, slot.Count);
            Assert.NotEqual(start.AsSpan((int)slot.Offset, (int)slot.Count).ToArray(), part.data<float>().ToArray());
        }
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("gpt2")]
    [InlineData("qwen2")]
    public void Saved_Gradients_MatchFiniteDifferences_AndAreTheSameRecomputed(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        string[] names = family == "gpt2" ? ["wte", "lm_head", "ln_f"] : [.. EmbeddingAndHead, "norm"];
        using var adapter = LoraAdapter.Create(LoraPlan.Resolve(golden.Architecture, Spec(names)), 1, weights: model.Weights);
        using var gradient = adapter.Parameters.NewBuffer();
        using var again = adapter.Parameters.NewBuffer();
        model.LossAndGradients(golden.Batch(), adapter, gradient);
        model.LossAndGradients(golden.Batch(), adapter, again, new TrainingPass(Recompute: true));
        Assert.Equal(gradient.bytes.ToArray(), again.bytes.ToArray());
        foreach (var saved in adapter.Plan.Saved)
            CheckSlot(model, adapter, golden, gradient, saved.Name);
    }

    [Fact]
    public void Saved_WrittenConfig_NamesThem_AndTheyReadBack()
    {
        var golden = new Golden("llama");
        var plan = LoraPlan.Resolve(golden.Architecture, Spec(EmbeddingAndHead));
        var read = PeftConfig.Read(PeftConfig.Write(plan, "llama"));
        Assert.Equal(EmbeddingAndHead, read.ModulesToSave);
        Assert.Equal(plan.Parameters.Select(p => p.Name), LoraPlan.Resolve(golden.Architecture, read).Parameters.Select(p => p.Name));
    }

    [Fact]
    public void Saved_LinearLayers_AreTrainedWholeInsteadOfAdapted()
    {
        var plan = LoraPlan.Resolve(new Golden("llama").Architecture, Spec(["down_proj"]));
        Assert.DoesNotContain(plan.Modules, m => m.Name.EndsWith("down_proj", StringComparison.Ordinal));
        Assert.Equal(2, plan.Saved.Count);
        Assert.Equal(plan.Modules.Select(m => m.Name), LoraPlan.Resolve(new Golden("llama").Architecture, PeftConfig.Read(PeftConfig.Write(plan, "llama"))).Modules.Select(m => m.Name));
    }

    [Theory]
    [InlineData("classifier")]
    [InlineData("head")]
    public void Saved_UnknownModule_ListsThoseThereAre(string name)
    {
        var error = Assert.Throws<GridException>(() => LoraPlan.Resolve(new Golden("llama").Architecture, Spec([name])));
        Assert.Equal((ErrorCodes.InvalidValue, "method.modules_to_save"), (error.Code, error.Field));
        Assert.Contains("embed_tokens", error.Message, StringComparison.Ordinal);
        Assert.Contains("lm_head", error.Message, StringComparison.Ordinal);
    }

    private static LoraSpec Spec(string[] modules) => new() { Rank = 2, Alpha = 4, ModulesToSave = modules };

    private static void Train(CausalLm model, LoraAdapter adapter, Golden golden, int steps)
    {
        using var optimizer = new AdamW(adapter.Parameters, new AdamWOptions());
        using var gradient = adapter.Parameters.NewBuffer();
        for (var step = 0; step < steps; step++)
        {
            gradient.zero_();
            var loss = model.LossAndGradients(golden.Batch(), adapter, gradient);
            optimizer.Step(gradient.div_((double)loss.Count), 1e-3);
        }
    }

    /// <summary>A step along the gradient of one parameter changes the loss by its squared length.</summary>
    private static void CheckSlot(CausalLm model, LoraAdapter adapter, Golden golden, Tensor gradient, string name)
    {
        using var scope = NewDisposeScope();
        var slot = adapter.Parameters.Slots[adapter.Parameters.IndexOf(name)];
        Tensor values = adapter.Parameters.Flat.narrow(0, slot.Offset, slot.Count), own = gradient.narrow(0, slot.Offset, slot.Count);
        var squared = own.square().sum().item<float>();
        Assert.True(squared > 0, name);
        var step = (float)(0.02 / Math.Sqrt(squared));
        var kept = values.clone();
        values.add_(own * step);
        var above = model.Loss(golden.Batch(), adapter).Sum;
        values.copy_(kept - own * step);
        var below = model.Loss(golden.Batch(), adapter).Sum;
        values.copy_(kept);
        Assert.Equal(1, (above - below) / (2 * step) / squared, 2e-2);
    }
}
