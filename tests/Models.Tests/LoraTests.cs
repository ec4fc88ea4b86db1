using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Models.Optim;
using FineTuneGrid.Storage;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Tests;

public sealed class LoraTests
{
    private readonly Golden _golden = new("llama");

    [Fact]
    public void Resolve_AllLinear_CoversEveryLinearButTheHead()
    {
        var plan = LoraPlan.Resolve(_golden.Architecture, new LoraSpec { Rank = 8, Alpha = 12 });
        Assert.Equal(14, plan.Modules.Count);
        Assert.DoesNotContain(plan.Modules, m => m.Name.Contains("lm_head", StringComparison.Ordinal));
        Assert.Equal(13824, plan.ParameterCount);
        Assert.All(plan.Modules, m => Assert.Equal(1.5, m.Scale));
    }

    [Theory]
    [InlineData("""["q_proj","v_proj"]""", 4)]
    [InlineData("""["self_attn.q_proj"]""", 2)]
    [InlineData("""["model.layers.1.mlp.up_proj"]""", 1)]
    [InlineData("\"regex:.*layers\\\\.1\\\\..*\"", 7)]
    [InlineData("\"all-linear\"", 14)]
    public void Resolve_Targets_SelectByPathOrSuffixOrPattern(string json, int count)
    {
        var targets = TargetModules.From(JsonDocument.Parse(json).RootElement);
        Assert.Equal(count, LoraPlan.Resolve(_golden.Architecture, new LoraSpec { Rank = 2, Alpha = 2, Targets = targets }).Modules.Count);
    }

    [Fact]
    public void Resolve_Patterns_OverrideRankAndAlpha()
    {
        var spec = new LoraSpec
        {
            Rank = 4, Alpha = 8, RsLora = true,
            RankPattern = new Dictionary<string, int> { ["q_proj"] = 16 },
            AlphaPattern = new Dictionary<string, double> { ["layers\\.0\\..*down_proj"] = 32 },
        };
        var plan = LoraPlan.Resolve(_golden.Architecture, spec);
        Assert.Equal(8 / Math.Sqrt(16), plan.Modules.Single(m => m.Name == "model.layers.1.self_attn.q_proj").Scale);
        Assert.Equal(32 / Math.Sqrt(4), plan.Modules.Single(m => m.Name == "model.layers.0.mlp.down_proj").Scale);
        Assert.Equal(4, plan.Modules.Single(m => m.Name == "model.layers.1.mlp.down_proj").Scale);
    }

    /// <summary>As PEFT's get_pattern_key: the first key in the spec's order that matches the end of the path, after a dot or from its start.</summary>
    [Theory]
    [InlineData("q_proj=8 layers.0.self_attn.q_proj=4", "model.layers.0.self_attn.q_proj", 8)]
    [InlineData("layers.0.self_attn.q_proj=4 q_proj=8", "model.layers.0.self_attn.q_proj", 4)]
    [InlineData("layers.0.self_attn.q_proj=4 q_proj=8", "model.layers.1.self_attn.q_proj", 8)]
    [InlineData("^model.layers.1.*q_proj=2", "model.layers.1.self_attn.q_proj", 2)]
    [InlineData("^model.layers.1.*q_proj=2", "model.layers.0.self_attn.q_proj", 16)]
    [InlineData("self_attn\\.[qk]_proj=2", "model.layers.0.self_attn.k_proj", 2)]
    [InlineData("self_attn.v_proj|down_proj=2", "model.layers.0.mlp.down_proj", 2)]
    public void Resolve_RankPattern_IsPeftsFirstMatch_AlsoAfterTheConfigIsWritten(string patterns, string module, int rank)
    {
        var map = patterns.Split(' ').Select(p => p.Split('=')).ToDictionary(p => p[0], p => int.Parse(p[1], System.Globalization.CultureInfo.InvariantCulture));
        var plan = LoraPlan.Resolve(_golden.Architecture, new LoraSpec { Rank = 16, Alpha = 16, RankPattern = map });
        Assert.Equal(rank, plan.Modules.Single(m => m.Name == module).Rank);
        Assert.Equal(plan.Modules, LoraPlan.Resolve(_golden.Architecture, PeftConfig.Read(PeftConfig.Write(plan, "base"))).Modules);
    }

    [Theory]
    [InlineData("all-linear")]
    [InlineData("All-Linear")]
    public void Resolve_AllLinearOfAPublishedAdapter_IsWhatPeftTakes(string word) => Assert.Equal(14,
        LoraPlan.Resolve(_golden.Architecture, PeftConfig.Read(JsonSerializer.SerializeToUtf8Bytes(new { peft_type = "LORA", r = 2, target_modules = word }))).Modules.Count);

    [Fact]
    public void Resolve_PublishedAdapter_PassesOverWhatPeftPassesOver_AndTakesAnyRank()
    {
        const string json = """{"peft_type":"LORA","r":64,"target_modules":["q_proj","query_key_value"],"rank_pattern":{"dense":4},"alpha_pattern":{"fc1":4}}""";
        var modules = LoraPlan.Resolve(_golden.Architecture, PeftConfig.Read(System.Text.Encoding.UTF8.GetBytes(json))).Modules;
        Assert.Equal([("model.layers.0.self_attn.q_proj", 64), ("model.layers.1.self_attn.q_proj", 64)], modules.Select(m => (m.Name, m.Rank)));
        var none = json.Replace("\"q_proj\",", "", StringComparison.Ordinal);
        Assert.Equal("method.target_modules", Assert.Throws<GridException>(() => LoraPlan.Resolve(_golden.Architecture, PeftConfig.Read(System.Text.Encoding.UTF8.GetBytes(none)))).Field);
    }

    [Theory]
    [InlineData(0, "method.rank")]
    [InlineData(25, "method.rank")]
    public void Resolve_RankOutOfBounds_NamesTheModuleAndTheLimit(int rank, string field)
    {
        var error = Assert.Throws<GridException>(() => LoraPlan.Resolve(_golden.Architecture, new LoraSpec { Rank = rank, Alpha = 1 }));
        Assert.Equal((ErrorCodes.InvalidValue, field), (error.Code, error.Field));
        Assert.Matches("_proj is .* from 1 to (24|48)", error.Message);
    }

    [Fact]
    public void Resolve_UnknownTarget_ListsTheModulesThatExist()
    {
        var targets = new TargetModules(["query"], null);
        var error = Assert.Throws<GridException>(() => LoraPlan.Resolve(_golden.Architecture, new LoraSpec { Rank = 1, Alpha = 1, Targets = targets }));
        Assert.Equal("method.target_modules", error.Field);
        Assert.Contains("q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Resolve_PatternThatMatchesNothing_IsRefused()
    {
        var spec = new LoraSpec { Rank = 1, Alpha = 1, RankPattern = new Dictionary<string, int> { ["qq"] = 2 } };
        Assert.Equal("method.rank_pattern.qq", Assert.Throws<GridException>(() => LoraPlan.Resolve(_golden.Architecture, spec)).Field);
        Assert.Equal("method.target_modules", Assert.Throws<GridException>(
            () => LoraPlan.Resolve(_golden.Architecture, new LoraSpec { Rank = 1, Alpha = 1, Targets = new TargetModules(null, "(") })).Field);
    }

    [Fact]
    public void Create_Bytes_DependOnSeedAndNamesAlone()
    {
        var plan = LoraPlan.Resolve(_golden.Architecture, new LoraSpec { Rank = 4, Alpha = 8 });
        using var adapter = LoraAdapter.Create(plan, 7);
        // Recorded once: another value means that resumed jobs would start from other bytes.
        Assert.StartsWith("ba52a3f69fd69c9e65a907dc2707461dbb81c0727", adapter.Parameters.Sha256(), StringComparison.Ordinal);
        using var other = LoraAdapter.Create(plan, 8);
        Assert.NotEqual(adapter.Parameters.Sha256(), other.Parameters.Sha256());
        foreach (var module in plan.Modules)
        {
            Assert.Equal(0f, adapter.Parameters[module.NameB].abs().max().item<float>());
            var bound = 1 / Math.Sqrt(module.In);
            Assert.InRange(adapter.Parameters[module.NameA].abs().max().item<float>(), 0.8 * bound, bound);
        }
    }

    [Fact]
    public void LoraPlus_StepsFactorBAndMagnitudesByItsRatio_AndFactorAAsBefore()
    {
        using var model = _golden.Load();
        var plan = LoraPlan.Resolve(_golden.Architecture, new LoraSpec { Rank = 4, Alpha = 8, Dora = true });
        using var mixed = After(0.01, 16);
        using var slow = After(0.01, null);
        using var fast = After(0.16, null);
        foreach (var slot in mixed.Parameters.Slots)
        {
            var like = slot.Name.Contains("lora_A", StringComparison.Ordinal) ? slow : fast;
            var distance = (mixed.Parameters[slot.Name] - like.Parameters[slot.Name]).abs().max().item<float>();
            Assert.True(distance < 1e-6, $"{slot.Name}: {distance}");
        }

        LoraAdapter After(double rate, double? ratio)
        {
            var adapter = LoraAdapter.Create(plan, 7, weights: model.Weights);
            using var optimizer = new AdamW(adapter.Parameters, new AdamWOptions { WeightDecay = 0.1, LoraPlusRatio = ratio });
            using var gradient = adapter.Parameters.NewBuffer();
            gradient.copy_(tensor(Enumerable.Range(0, (int)gradient.NumberOfElements).Select(i => (i % 7) - 3f).ToArray()));
            optimizer.Step(gradient, rate);
            return adapter;
        }
    }

    [Fact]
    public void MemoryEstimate_CountsWeightsAndStateExactly()
    {
        var plan = LoraPlan.Resolve(_golden.Architecture, new LoraSpec { Rank = 8, Alpha = 12 });
        var exact = MemoryEstimate.Of(new(_golden.Architecture, plan, ScalarType.Float32, 512, 64));
        Assert.Equal(_golden.Architecture.ParameterCount * 4, exact.Weights);
        Assert.Equal(13824 * 20, exact.State);
        Assert.True(MemoryEstimate.Of(new(_golden.Architecture, plan, ScalarType.BFloat16, 512, 64)).Total < exact.Total);
        Assert.True(MemoryEstimate.Of(new(_golden.Architecture, plan, ScalarType.Float32, 512, 64, Recompute: true)).Activations < exact.Activations);
        Assert.True(MemoryEstimate.Of(new(_golden.Architecture, plan, ScalarType.Float32, 1024, 64)).Activations > 1.9 * exact.Activations);
    }

    [Fact]
    public void Peft_WrittenConfig_ReadsBackToTheSamePlan()
    {
        var spec = new LoraSpec
        {
            Rank = 4, Alpha = 8.5, Dropout = 0.1, RsLora = true,
            Targets = new TargetModules(null, ".*layers\\.1\\..*"), RankPattern = new Dictionary<string, int> { ["q_proj"] = 2 },
        };
        var plan = LoraPlan.Resolve(_golden.Architecture, spec);
        var read = PeftConfig.Read(PeftConfig.Write(plan, "org/base"));
        Assert.Equal(plan.Modules, LoraPlan.Resolve(_golden.Architecture, read).Modules);
        Assert.Equal((0.1, true), (read.Dropout, read.RsLora));
    }

    [Fact]
    public void Peft_WrittenConfig_HasPeftsKeysSorted()
    {
        var plan = LoraPlan.Resolve(_golden.Architecture, new LoraSpec { Rank = 8, Alpha = 12 });
        var written = JsonDocument.Parse(PeftConfig.Write(plan, "llama")).RootElement;
        var theirs = JsonDocument.Parse(File.ReadAllBytes(_golden.File("lora/init/adapter_config.json"))).RootElement;
        string[] keys = [.. written.EnumerateObject().Select(p => p.Name)];
        Assert.Equal(keys.Order(StringComparer.Ordinal), keys);
        Assert.Empty(keys.Except(theirs.EnumerateObject().Select(p => p.Name)));
        Assert.All(keys.Except(["target_modules", "lora_dropout"]), k => Assert.Equal(theirs.GetProperty(k).ToString(), written.GetProperty(k).ToString()));
    }

    [Fact]
    public async Task Peft_WrittenAdapter_ReadsBackToTheSameBytes()
    {
        var folder = Directory.CreateTempSubdirectory("ftg-models-");
        try
        {
            using var adapter = _golden.Adapter("init");
            var path = Path.Combine(folder.FullName, "adapter_model.safetensors");
            await using (var file = File.Create(path))
                await SafetensorsWriter.WriteAsync(file, SafetensorsSource.Entries(adapter.Parameters), SafetensorsWriter.AdapterMetadata);
            using var stored = SafetensorsFile.Open(path, SafetensorsProfile.Adapter);
            using var read = PeftAdapter.Read(_golden.Architecture, PeftConfig.Write(adapter.Plan, "llama"), new SafetensorsSource(stored));
            Assert.Equal(adapter.Parameters.Sha256(), read.Parameters.Sha256());
            Assert.Equal(adapter.Plan.Modules, read.Plan.Modules);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("""{"peft_type":"IA3"}""", "peft_type")]
    [InlineData("""{"peft_type":"LORA","r":8,"target_modules":["q_proj"],"use_qalora":true}""", "use_qalora")]
    [InlineData("""{"peft_type":"LORA","r":8,"target_modules":["q_proj"],"init_lora_weights":"pissa_niter_16"}""", "init_lora_weights")]
    [InlineData("""{"peft_type":"LORA","r":8,"target_modules":["q_proj"],"bias":"all"}""", "bias")]
    [InlineData("""{"peft_type":"LORA","r":8,"target_modules":["q_proj"],"modules_to_save":"lm_head"}""", "modules_to_save")]
    [InlineData("""{"peft_type":"LORA","r":8}""", "target_modules")]
    [InlineData("""[]""", "adapter_config.json")]
    public void Peft_UnusableConfig_NamesTheField(string json, string field)
    {
        var error = Assert.Throws<GridException>(() => PeftConfig.Read(System.Text.Encoding.UTF8.GetBytes(json)));
        Assert.Equal((ErrorCodes.InvalidAdapter, field), (error.Code, error.Field));
    }

    [Fact]
    public void Peft_AdapterOfAnotherShape_NamesTheTensor()
    {
        var config = File.ReadAllText(_golden.File("lora/init/adapter_config.json")).Replace("\"r\": 8", "\"r\": 4", StringComparison.Ordinal);
        var error = Assert.Throws<GridException>(() => PeftAdapter.Read(_golden.Architecture, System.Text.Encoding.UTF8.GetBytes(config),
            new SafetensorsSource(SafetensorsFile.Open(_golden.File("lora/init/adapter_model.safetensors")))));
        Assert.Equal(ErrorCodes.InvalidAdapter, error.Code);
        Assert.Contains("lora_A.weight has shape [8, ", error.Message, StringComparison.Ordinal);
    }
}
