using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Layers;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Models.Optim;
using FineTuneGrid.Storage;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Tests;

/// <summary>Sequence classification: encoders and decoders, heads that are trained whole.</summary>
public sealed class ClassifierTests
{
    private static readonly string[] Sentiments = ["negative", "positive"];

    private readonly Golden _bert = new("bert_seqcls");

    public static TheoryData<string> Classifiers => Golden.Classifiers;

    /// <summary>Decoders of families that have a published class for it.</summary>
    public static TheoryData<string> Decoders => [.. Golden.Names.Where(n => !Golden.IsClassifier(n) && Contracts.Models.ModelTypes.ClassifierClass(new Golden(n).Architecture.Config.ModelType) is not null)];

    [Theory]
    [MemberData(nameof(Classifiers))]
    public void Classes_OfEveryCase_MatchTheReference(string family)
    {
        var golden = new Golden(family);
        using var model = golden.Load();
        foreach (var values in golden.Cases.EnumerateObject().Select(c => c.Value))
        {
            var batch = golden.Case(values);
            var expected = values.GetProperty("logprobs").Deserialize<double[][]>()!;
            var actual = model.ClassLogProbs(batch);
            Assert.All(expected.Zip(actual), row => Assert.All(row.First.Zip(row.Second), p => Assert.Equal(p.First, p.Second, 1e-4)));
            Assert.Equal(values.GetProperty("predicted").Deserialize<int[]>()!, actual.Select(row => Array.IndexOf(row, row.Max())));
            Assert.All(values.GetProperty("loss").Deserialize<double[]>()!.Zip(model.Loss(batch).Losses), p => Assert.Equal(p.First, p.Second, 1e-4));
        }
    }

    [Fact]
    public void WrittenAdapter_NamesTheHeadsAsPeftDoes_AndReadsBack()
    {
        using var adapter = _bert.Adapter("final");
        var theirs = JsonDocument.Parse(File.ReadAllBytes(_bert.File("lora/final/adapter_config.json"))).RootElement;
        var written = PeftConfig.Write(adapter.Plan, "bert");
        var ours = JsonDocument.Parse(written).RootElement;
        Assert.Equal("SEQ_CLS", ours.GetProperty("task_type").GetString());
        Assert.Equal(theirs.GetProperty("modules_to_save").Deserialize<string[]>()!, ours.GetProperty("modules_to_save").Deserialize<string[]>()!);
        Assert.True(PeftConfig.IsClassifier(written));
        using var file = SafetensorsFile.Open(_bert.File("lora/final/adapter_model.safetensors"), SafetensorsProfile.Adapter);
        Assert.Equal(file.Header.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal), adapter.Parameters.Slots.Select(s => s.Name));
        var read = LoraPlan.Resolve(_bert.Architecture, PeftConfig.Read(written));
        Assert.Equal(adapter.Plan.Parameters.Select(p => p.Name), read.Parameters.Select(p => p.Name));
    }

    [Fact]
    public void NewAdapter_OfABaseWithAHead_StartsAsThatHead()
    {
        using var model = _bert.Load();
        using var adapter = LoraAdapter.Create(LoraPlan.Resolve(_bert.Architecture, new LoraSpec { Rank = 2, Alpha = 4 }), 3, weights: model.Weights);
        Assert.Equal(model.Loss(_bert.Batch()).Losses, model.Loss(_bert.Batch(), adapter).Losses);
    }

    [Fact]
    public void FreshHeadAndPooler_AreTheAdapters_AFunctionOfTheSeed()
    {
        var architecture = SequenceClassifier.Create(_bert.Body, Sentiments, ["bert.pooler", "classifier"]);
        var bare = new Without(_bert.Weights, n => n.StartsWith("bert.pooler.", StringComparison.Ordinal) || n.StartsWith("classifier.", StringComparison.Ordinal));
        using var model = new CausalLm(architecture, WeightLoader.Load(architecture, bare));
        var plan = LoraPlan.Resolve(architecture, new LoraSpec { Rank = 2, Alpha = 4 });
        Assert.DoesNotContain(plan.Modules, m => m.Name == "bert.pooler.dense");
        Assert.Equal(["bert.pooler.dense.bias", "bert.pooler.dense.weight", "classifier.bias", "classifier.weight"], plan.Saved.Select(s => s.Parameter).Order(StringComparer.Ordinal));
        var config = JsonDocument.Parse(PeftConfig.Write(plan, "bert")).RootElement;
        Assert.Equal(["classifier", "pooler", "score"], config.GetProperty("modules_to_save").Deserialize<string[]>()!);
        Assert.Contains("bert.encoder.layer.0.attention.output.dense", config.GetProperty("target_modules").Deserialize<string[]>()!);
        using var one = LoraAdapter.Create(plan, 1, weights: model.Weights);
        using var same = LoraAdapter.Create(plan, 1, weights: model.Weights);
        using var other = LoraAdapter.Create(plan, 2, weights: model.Weights);
        Assert.Equal(one.Parameters.Sha256(), same.Parameters.Sha256());
        Assert.NotEqual(model.ClassLogProbs(Batch(), one)[0], model.ClassLogProbs(Batch(), other)[0]);
        Assert.Equal("model", Assert.Throws<GridException>(() => model.ClassLogProbs(Batch())).Field);
        Assert.True(Losses(model, one, Batch(), 40)[^1] < 0.05);

        MicroBatch Batch() => MicroBatch.OfClasses([3, 4, 5, 3, 9, 11, 12], [3, 4], [0, 1], fromFirst: true);
    }

    [Fact]
    public void PublishedFolders_WithOtherHeadsOlderNamesOrNoPrefix_GiveTheSameModel()
    {
        using var model = _bert.Load();
        var expected = model.Loss(_bert.Batch()).Losses;
        var older = new Without(_bert.Weights, _ => false, n => n.Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal).Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal),
            "cls.predictions.bias", "cls.seq_relationship.weight", "bert.embeddings.position_ids");
        var bare = new Without(_bert.Weights, _ => false, n => n.Replace("bert.", "", StringComparison.Ordinal), "embeddings.position_ids");
        foreach (var source in new[] { older, bare })
        {
            using var loaded = new CausalLm(_bert.Architecture, WeightLoader.Load(_bert.Architecture, source));
            Assert.Equal(expected, loaded.Loss(_bert.Batch()).Losses);
        }
    }

    [Theory]
    [MemberData(nameof(Decoders))]
    public void Decoders_TellTheClassFromTheLastToken_AndLearnIt(string family)
    {
        var golden = new Golden(family);
        var module = Contracts.Models.ModelTypes.ClassifierHead(golden.Architecture.Config.ModelType);
        var architecture = SequenceClassifier.Create(golden.Architecture, ["a", "b", "c"], [module]);
        using var model = new CausalLm(architecture, WeightLoader.Load(architecture, golden.Weights));
        using var adapter = LoraAdapter.Create(LoraPlan.Resolve(architecture, new LoraSpec { Rank = 4, Alpha = 8 }), 1, weights: model.Weights);
        Assert.Equal(["base_model.model.score.weight"], adapter.Plan.Saved.Select(s => s.Name));
        int[][] sequences = [golden.Sequences[0][..20], golden.Sequences[1][..9], golden.Sequences[0][5..30]];
        var batch = MicroBatch.OfClasses([.. sequences.SelectMany(s => s)], [20, 9, 25], [2, 0, 1], fromFirst: false);
        Assert.Equal([19L, 28L, 53L], batch.SupervisedRows);
        using var scope = NewDisposeScope();
        var alone = model.ClassLogProbs(MicroBatch.OfClasses(sequences[1], [9], [0], fromFirst: false), adapter)[0];
        Assert.All(alone.Zip(model.ClassLogProbs(batch, adapter)[1]), p => Assert.Equal(p.First, p.Second, 1e-5));
        var losses = Losses(model, adapter, batch, 30);
        Assert.True(losses[^1] < 0.2 * losses[0], $"{losses[0]} to {losses[^1]}");
    }

    [Theory]
    [InlineData("codegen")]
    [InlineData("cohere")]
    [InlineData("granite")]
    public void Families_WithoutAPublishedClassifier_AreRefusedByName(string family)
    {
        var error = Assert.Throws<GridException>(() => SequenceClassifier.Create(new Golden(family).Architecture, Sentiments));
        Assert.Equal((ErrorCodes.UnsupportedModel, "base_model"), (error.Code, error.Field));
        Assert.Contains($"'{family}'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("position_embedding_type", "\"relative_key\"")]
    [InlineData("is_decoder", "true")]
    [InlineData("add_cross_attention", "true")]
    [InlineData("hidden_act", "\"gelu_of_mine\"")]
    [InlineData("num_attention_heads", "5")]
    public void BertConfig_ThatIsNotSupported_IsRefusedByName(string field, string value)
    {
        var json = JsonNode.Parse(File.ReadAllText(_bert.File("config.json")))!.AsObject();
        json[field] = JsonNode.Parse(value);
        Assert.Equal(field, Assert.Throws<GridException>(() => ModelFamilies.Create(ModelConfig.Parse(System.Text.Encoding.UTF8.GetBytes(json.ToJsonString())))).Field);
    }

    [Fact]
    public void TokenTypes_BeyondTheModels_AreRefused()
    {
        using var model = _bert.Load();
        var batch = MicroBatch.OfClasses([3, 4], [2], [0], fromFirst: true, [0, 2]);
        Assert.Equal("token_type_ids", Assert.Throws<GridException>(() => model.Loss(batch)).Field);
    }

    [Fact]
    public void Completions_OfAClassifier_AreRefused()
    {
        using var model = _bert.Load();
        Assert.Equal(ErrorCodes.UnsupportedModel, Assert.Throws<GridException>(() => new Generation.TextGenerator(model).Generate([[3]], new Generation.GenerationOptions { MaxNewTokens = 1 })).Code);
    }

    private static List<double> Losses(CausalLm model, LoraAdapter adapter, MicroBatch batch, int steps)
    {
        using var optimizer = new AdamW(adapter.Parameters, new AdamWOptions());
        using var gradient = adapter.Parameters.NewBuffer();
        List<double> losses = [];
        for (var step = 0; step < steps; step++)
        {
            gradient.zero_();
            var loss = model.LossAndGradients(batch, adapter, gradient);
            gradient.div_((double)loss.Count);
            losses.Add(loss.Sum / loss.Count);
            optimizer.Step(gradient, 1e-2);
        }

        return losses;
    }

    /// <summary>A source with other names, without some tensors and with others that nobody may read.</summary>
    private sealed class Without(ITensorSource source, Func<string, bool> lacks, Func<string, string>? rename = null, params string[] more) : ITensorSource
    {
        private readonly Dictionary<string, string> _names = source.Names.Where(n => !lacks(n)).ToDictionary(n => rename?.Invoke(n) ?? n, n => n, StringComparer.Ordinal);

        public IReadOnlyCollection<string> Names => [.. _names.Keys, .. more];

        public TensorInfo Describe(string name) => source.Describe(_names[name]);

        public void Read(string name, long offset, Span<byte> destination) => source.Read(_names[name], offset, destination);
    }
}
