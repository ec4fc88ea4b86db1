using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Generation;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Tests;

/// <summary>What every family must hold beside its numbers: decoding, adapters on all linear layers, published folders.</summary>
public sealed class FamilyTests
{
    public static TheoryData<string> Families => Golden.Families;

    [Theory]
    [MemberData(nameof(Golden.Decoders), MemberType = typeof(Golden))]
    public void CachedDecoding_GivesTheLogProbsOfWholePasses(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        using var adapter = golden.Adapter("init");
        int[][] prompts = [golden.Sequences[0][..20], golden.Sequences[1][..3], golden.Sequences[1][..33]];
        var results = new TextGenerator(model).Generate(prompts, new GenerationOptions { MaxNewTokens = 30 }, adapter);
        for (var i = 0; i < prompts.Length; i++)
        {
            int[] all = [.. prompts[i], .. results[i].Tokens];
            Assert.Equal(30, results[i].Tokens.Count);
            for (var n = prompts[i].Length; n < all.Length; n++)
                Assert.Equal(LogProbs(model, adapter, all[..n])[all[n]], results[i].LogProbs[n - prompts[i].Length], 1e-4f);
        }
    }

    /// <summary>Of the next token after these, by a pass over them alone: rotations may depend on a sequence's length.</summary>
    private static float[] LogProbs(CausalLm model, LoraAdapter adapter, int[] tokens)
    {
        using var scope = NewDisposeScope();
        return model.Logits(MicroBatch.Of(tokens), adapter, [tokens.Length - 1]).log_softmax(-1).view(-1).data<float>().ToArray();
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void AllLinear_CoversEveryMatrixButEmbeddingsAndHead_AndReadsBackAsPeftWouldFindIt(string family)
    {
        var golden = new Golden(family);
        var plan = LoraPlan.Resolve(golden.Architecture, new LoraSpec { Rank = 2, Alpha = 4 });
        string[] tables = ["embed_in", "embed_tokens", "embed_positions", "wte", "wpe", "word_embeddings", "position_embeddings", "token_type_embeddings", "lm_head", "embed_out", "classifier", "score"];
        var matrices = golden.Weights.Names.Where(n => golden.Weights.Describe(n).Shape.Length == 2 && !n.Contains("norm", StringComparison.Ordinal))
            .Select(n => n[..^".weight".Length]).Where(n => !tables.Any(t => n.EndsWith(t, StringComparison.Ordinal)));
        Assert.Equal(matrices.Order(StringComparer.Ordinal), plan.Modules.Select(m => m.Name).Order(StringComparer.Ordinal));
        var read = PeftConfig.Read(PeftConfig.Write(plan, family));
        Assert.Equal(plan.Modules, LoraPlan.Resolve(golden.Architecture, read).Modules);
        foreach (var module in plan.Modules)
        {
            var shape = golden.Weights.Describe(module.Name + ".weight").Shape;
            Assert.Equal(shape, module.Transposed ? [module.In, module.Out] : [(long)module.Out, module.In]);
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void AllLinear_GradientsRecomputed_AreTheSameBits_AndLayersThatRanHaveSome(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        using var adapter = LoraAdapter.Create(LoraPlan.Resolve(golden.Architecture, new LoraSpec { Rank = 2, Alpha = 4 }), 5, weights: model.Weights);
        foreach (var module in adapter.Plan.Modules)
            adapter.Parameters.FillNormal(module.NameB, 2, 0.05);
        using var kept = adapter.Parameters.NewBuffer();
        using var again = adapter.Parameters.NewBuffer();
        model.LossAndGradients(golden.Batch(), adapter, kept);
        model.LossAndGradients(golden.Batch(), adapter, again, new TrainingPass(Recompute: true));
        Assert.Equal(kept.bytes.ToArray(), again.bytes.ToArray());
        foreach (var slot in adapter.Parameters.Slots.Where(s => s.Name.EndsWith("lora_A.weight", StringComparison.Ordinal)))
        {
            using var part = kept.narrow(0, slot.Offset, slot.Count).abs().max();
            Assert.True(part.item<float>() > 0, slot.Name);
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void WrittenAdapterConfig_SaysWhatPeftSaid(string family)
    {
        var golden = new Golden(family);
        using var adapter = golden.Adapter("init");
        var theirs = JsonDocument.Parse(File.ReadAllBytes(golden.File("lora/init/adapter_config.json"))).RootElement;
        var ours = JsonDocument.Parse(PeftConfig.Write(adapter.Plan, family)).RootElement;
        foreach (var key in new[] { "fan_in_fan_out", "r", "lora_alpha", "peft_type", "task_type", "use_rslora", "use_dora", "bias" })
            Assert.Equal(theirs.GetProperty(key).ToString(), ours.GetProperty(key).ToString());
        Assert.Equal(Names(theirs), Names(ours));

        static IEnumerable<string?> Names(JsonElement json) =>
            json.GetProperty("target_modules").EnumerateArray().Select(e => e.GetString()).Order(StringComparer.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void MemoryEstimate_HoldsTheWeightsExactly_AndGrowsWithTheBatch(string family)
    {
        var golden = new Golden(family);
        var plan = LoraPlan.Resolve(golden.Architecture, new LoraSpec { Rank = 8, Alpha = 12 });
        var one = MemoryEstimate.Of(new(golden.Architecture, plan, ScalarType.Float32, 512, 64));
        Assert.Equal(golden.Weights.Names.Sum(n => golden.Weights.Describe(n).Shape.Aggregate(4L, (a, b) => a * b)), one.Weights);
        Assert.Equal(plan.ParameterCount * 20, one.State);
        Assert.InRange(MemoryEstimate.Of(new(golden.Architecture, plan, ScalarType.Float32, 1024, 64)).Activations, 1.9 * one.Activations, 2.1 * one.Activations);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Routers_AreKnownByTheirPaths(string family)
    {
        var architecture = new Golden(family).Architecture;
        Assert.All(architecture.Linears, l => Assert.Equal(l.Router, ModelTypes.IsRouter(l.Name)));
    }

    [Theory]
    [InlineData("gpt2", "transformer.")]
    [InlineData("bloom", "transformer.")]
    [InlineData("llama3_rope", "model.")]
    public void Load_FolderOfTheBareModel_OrWithOldTablesAndATiedHead_GivesTheSameModel(string family, string prefix)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        var expected = model.Loss(golden.Batch()).Losses;
        var bare = new Renamed(golden.Weights, n => n[(n.StartsWith(prefix, StringComparison.Ordinal) ? prefix.Length : 0)..],
            "h.0.attn.bias", "h.1.attn.masked_bias", "layers.0.self_attn.rotary_emb.inv_freq", "lm_head.weight");
        using var loaded = new CausalLm(golden.Architecture, WeightLoader.Load(golden.Architecture, bare));
        Assert.Equal(expected, loaded.Loss(golden.Batch()).Losses);
    }

    [Fact]
    public void Load_TensorsThatBelongToNoPart_AreNamed()
    {
        var golden = new Golden("gpt_neox");
        var error = Assert.Throws<GridException>(() => WeightLoader.Load(golden.Architecture, new Renamed(golden.Weights, n => n, "vision.patch.weight", "score.weight")));
        Assert.Equal((ErrorCodes.InvalidModel, "score.weight"), (error.Code, error.Field));
        Assert.Equal(["score.weight", "vision.patch.weight"], error.Findings.Select(f => f.Where));
    }

    /// <summary>A source under other names, with more tensors that nobody may read.</summary>
    private sealed class Renamed(ITensorSource source, Func<string, string> rename, params string[] more) : ITensorSource
    {
        private readonly Dictionary<string, string> _names = source.Names.ToDictionary(rename, n => n, StringComparer.Ordinal);

        public IReadOnlyCollection<string> Names => [.. _names.Keys, .. more];

        public TensorInfo Describe(string name) => source.Describe(_names[name]);

        public void Read(string name, long offset, Span<byte> destination) => source.Read(_names[name], offset, destination);
    }
}
