using System.Text;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Gateway.OpenAi.FineTuning;

namespace FineTuneGrid.Gateway.Tests;

/// <summary>OpenAI's request as a job of this grid, and back: pure functions.</summary>
public sealed class FineTuningMapperTests
{
    private const string Plain = """{"model":"tiny","training_file":"file-a"}""";

    private static readonly JobBasis Basis = new("acme", "tiny", "tiny", "file-a", 1000, null) { FreshSeed = 11 };

    private static (JobSpec Spec, OpenAiOrigin Origin) Map(string json, JobBasis? basis = null) => JobMapper.Map(RequestReader.Read(Encoding.UTF8.GetBytes(json)), basis ?? Basis);

    [Fact]
    public void Request_WithoutSettings_GetsSensibleOnes()
    {
        var (spec, origin) = Map(Plain);
        Assert.Equal(("tiny", "acme/tiny", "file-a", "supervised"), (spec.BaseModelName(), spec.Adapter, spec.Data.Train, spec.Objective.Type));
        Assert.Equal((3, 16, 2e-4, 11L), (spec.Optimizer.Epochs, spec.Optimizer.BatchSize, spec.Optimizer.LearningRate, spec.Optimizer.Seed));
        Assert.Equal((50, 3), (spec.Checkpoint.EverySteps, spec.Checkpoint.Keep));
        Assert.Equal(new OpenAiOrigin("file-a", null, 1, 2e-4), origin);
        Assert.Empty(spec.Labels);
    }

    [Theory]
    [InlineData("""{"hyperparameters":HYPER}""", "supervised", 0)]
    [InlineData("""{"method":{"type":"supervised","supervised":{"hyperparameters":HYPER}}}""", "supervised", 0)]
    [InlineData("""{"method":{"type":"supervised"},"hyperparameters":HYPER}""", "supervised", 0)]
    [InlineData("""{"method":{"type":"dpo","dpo":{"hyperparameters":{"n_epochs":4,"batch_size":2,"learning_rate_multiplier":0.5,"beta":0.3}}}}""", "dpo", 0.3)]
    public void Hyperparameters_InEveryPlace_AreTheJobs(string more, string objective, double beta)
    {
        const string hyper = """{"n_epochs":4,"batch_size":2,"learning_rate_multiplier":0.5}""";
        var (spec, origin) = Map(With(more.Replace("HYPER", hyper, StringComparison.Ordinal)));
        Assert.Equal((4, 2, 1e-4), (spec.Optimizer.Epochs, spec.Optimizer.BatchSize, spec.Optimizer.LearningRate));
        Assert.Equal((objective, beta == 0 ? null : (double?)beta), (spec.Objective.Type, spec.Objective.Beta));
        Assert.Equal(0.5, origin.LearningRateMultiplier);
    }

    [Fact]
    public void Extension_SetsWhatItNames_AndIsShownAgain()
    {
        var (spec, origin) = Map(With("""
            {"suffix":"Weather","seed":5,"metadata":{"team":"a"},"method":{"type":"supervised","supervised":{"hyperparameters":{"learning_rate_multiplier":2},
             "lora":{"rank":8,"alpha":4,"dropout":0.1,"target_modules":["q_proj"],"packing":false,"sequence_length":64,"learning_rate":0.001,"max_steps":7,"batch_tokens":512,
                     "checkpoint_every_steps":3,"checkpoints_kept":5,"precision":"fp32","queue":"night"}}}}
            """));
        Assert.Equal(("acme/weather", "weather", 5L, "a"), (spec.Adapter, spec.Name, spec.Optimizer.Seed, spec.Labels["team"]));
        Assert.Equal((8, 4.0, 0.1, "[\"q_proj\"]"), (spec.Method.Rank, spec.Method.Alpha, spec.Method.Dropout, spec.Method.TargetModules.GetRawText()));
        Assert.Equal((false, 64, 0.002), (spec.Data.Packing, spec.Data.SequenceLength, spec.Optimizer.LearningRate));
        // What is told in steps and tokens is not told in epochs and examples besides.
        Assert.Equal((null, 7, null, 512), (spec.Optimizer.Epochs, spec.Optimizer.MaxSteps, spec.Optimizer.BatchSize, spec.Optimizer.BatchTokens));
        Assert.Equal((3, 5, "fp32", "night"), (spec.Checkpoint.EverySteps, spec.Checkpoint.Keep, spec.Precision, spec.Resources.Queue));
        var shown = LoraSettings.Show(spec, origin.BaseLearningRate);
        Assert.Equal((8, 0.001, 3, "night"), ((int)shown["rank"]!, (double)shown["learning_rate"]!, (int)shown["checkpoint_every_steps"]!, (string)shown["queue"]!));
        // What is shown can be asked for again.
        var again = new JsonObject { ["model"] = "tiny", ["training_file"] = "file-a", ["method"] = new JsonObject { ["type"] = "supervised", ["supervised"] = new JsonObject { ["lora"] = shown } } };
        Assert.Equal(spec.Method.Rank, Map(again.ToJsonString()).Spec.Method.Rank);
    }

    [Fact]
    public void Validation_IsEvaluatedAtEachCheckpoint()
    {
        var (spec, _) = Map(With("""{"validation_file":"file-b"}"""), Basis with { Examples = 40, Validation = "file-b" });
        Assert.Equal(("file-b", 8, 8), (spec.Data.Validation, spec.Checkpoint.EverySteps, spec.Evaluation.EverySteps));
        Assert.Null(Map(Plain).Spec.Evaluation.EverySteps);
    }

    [Fact]
    public void Continuation_KeepsTheShapeOfWhatItGoesOnFrom()
    {
        var basis = Basis with { Continued = "acme/weather@2", ContinuedMethod = JsonNode.Parse("""{"type":"lora","rank":4,"alpha":9,"init_adapter":"acme/weather@1"}""")!.AsObject() };
        var (spec, _) = Map(With("""{"method":{"type":"supervised","supervised":{"lora":{"alpha":3}}}}"""), basis);
        Assert.Equal(("acme/weather@2", 4, 3.0), (spec.Method.InitAdapter, spec.Method.Rank, spec.Method.Alpha));
    }

    [Theory]
    [InlineData(null, 3, 16)]
    [InlineData(1L, 25, 1)]
    [InlineData(10L, 10, 1)]
    [InlineData(33L, 3, 4)]
    [InlineData(100L, 3, 12)]
    [InlineData(1_000L, 3, 16)]
    [InlineData(10_000L, 2, 16)]
    [InlineData(100_000L, 1, 16)]
    public void Auto_DependsOnTheNumberOfExamples(long? examples, int epochs, int batch)
    {
        var (spec, _) = Map(With("""{"hyperparameters":{"n_epochs":"auto","batch_size":"auto","learning_rate_multiplier":"auto"}}"""), Basis with { Examples = examples });
        Assert.Equal((epochs, batch), (spec.Optimizer.Epochs, spec.Optimizer.BatchSize));
    }

    public static TheoryData<string, string, string> Refusals => new()
    {
        { """{"training_file":"f"}""", "model", ErrorCodes.MissingField },
        { """{"model":"m"}""", "training_file", ErrorCodes.MissingField },
        { """{"model":"m","training_file":""}""", "training_file", ErrorCodes.InvalidValue },
        { """{"model":7,"training_file":"f"}""", "model", ErrorCodes.InvalidValue },
        { """{"model":["m"],"training_file":"f"}""", "model", ErrorCodes.InvalidValue },
        { With("""{"training_files":"f"}"""), "training_files", ErrorCodes.UnknownField },
        { With("""{"validation_file":5}"""), "validation_file", ErrorCodes.InvalidValue },
        { With("""{"suffix":""}"""), "suffix", ErrorCodes.InvalidValue },
        { With("{\"suffix\":\"" + new string('a', 65) + "\"}"), "suffix", ErrorCodes.InvalidValue },
        { With("""{"suffix":"a\r\nX-Evil: 1"}"""), "suffix", ErrorCodes.InvalidValue },
        { With("""{"suffix":"../up"}"""), "suffix", ErrorCodes.InvalidValue },
        { With("""{"suffix":"a:b"}"""), "suffix", ErrorCodes.InvalidValue },
        { With("""{"suffix":"api"}"""), "suffix", ErrorCodes.InvalidValue },
        { With("""{"suffix":true}"""), "suffix", ErrorCodes.InvalidValue },
        { With("""{"seed":-1}"""), "seed", ErrorCodes.InvalidValue },
        { With("""{"seed":1.5}"""), "seed", ErrorCodes.InvalidValue },
        { With("""{"seed":"7"}"""), "seed", ErrorCodes.InvalidValue },
        { With("""{"metadata":[]}"""), "metadata", ErrorCodes.InvalidValue },
        { With("""{"metadata":{"a":1}}"""), "metadata.a", ErrorCodes.InvalidValue },
        { With("""{"metadata":{"a":null}}"""), "metadata.a", ErrorCodes.InvalidValue },
        { With("{\"metadata\":{\"" + new string('k', 65) + "\":\"v\"}}"), "metadata", ErrorCodes.InvalidValue },
        { With("{\"metadata\":{\"k\":\"" + new string('v', 513) + "\"}}"), "metadata.k", ErrorCodes.InvalidValue },
        { With("{\"metadata\":" + GridJson.ToText(Enumerable.Range(0, 17).ToDictionary(i => $"k{i}", i => "v")) + "}"), "metadata", ErrorCodes.InvalidValue },
        { With("""{"integrations":[{"type":"wandb","wandb":{"project":"p"}}]}"""), "integrations", ErrorCodes.InvalidValue },
        { With("""{"integrations":{}}"""), "integrations", ErrorCodes.InvalidValue },
        { With("""{"hyperparameters":[]}"""), "hyperparameters", ErrorCodes.InvalidValue },
        { With("""{"hyperparameters":{"n_epochs":0}}"""), "hyperparameters.n_epochs", ErrorCodes.InvalidValue },
        { With("""{"hyperparameters":{"n_epochs":1.5}}"""), "hyperparameters.n_epochs", ErrorCodes.InvalidValue },
        { With("""{"hyperparameters":{"n_epochs":"many"}}"""), "hyperparameters.n_epochs", ErrorCodes.InvalidValue },
        { With("""{"hyperparameters":{"batch_size":-4}}"""), "hyperparameters.batch_size", ErrorCodes.InvalidValue },
        { With("""{"hyperparameters":{"learning_rate_multiplier":0}}"""), "hyperparameters.learning_rate_multiplier", ErrorCodes.InvalidValue },
        { With("""{"hyperparameters":{"learning_rate_multiplier":1e999}}"""), "hyperparameters.learning_rate_multiplier", ErrorCodes.InvalidValue },
        { With("""{"hyperparameters":{"beta":0.1}}"""), "hyperparameters.beta", ErrorCodes.UnknownField },
        { With("""{"method":"dpo"}"""), "method", ErrorCodes.InvalidValue },
        { With("""{"method":{}}"""), "method.type", ErrorCodes.MissingField },
        { With("""{"method":{"type":"sft"}}"""), "method.type", ErrorCodes.InvalidValue },
        { With("""{"method":{"type":"reinforcement","reinforcement":{}}}"""), "method.type", ErrorCodes.InvalidValue },
        { With("""{"method":{"type":"supervised","dpo":{}}}"""), "method.dpo", ErrorCodes.InvalidValue },
        { With("""{"method":{"type":"supervised","supervised":{"hyper":{}}}}"""), "method.supervised.hyper", ErrorCodes.UnknownField },
        { With("""{"method":{"type":"dpo","dpo":{"hyperparameters":{"beta":-1}}}}"""), "method.dpo.hyperparameters.beta", ErrorCodes.InvalidValue },
        { With("""{"method":{"type":"dpo","dpo":{"hyperparameters":{}}},"hyperparameters":{}}"""), "hyperparameters", ErrorCodes.InvalidValue },
        { Lora("""{"rang":4}"""), "method.supervised.lora.rang", ErrorCodes.UnknownField },
        { Lora("""{"rank":0}"""), "method.supervised.lora.rank", ErrorCodes.InvalidValue },
        { Lora("""{"rank":"8"}"""), "method.supervised.lora.rank", ErrorCodes.InvalidValue },
        { Lora("""{"target_modules":[1]}"""), "method.supervised.lora.target_modules[0]", ErrorCodes.InvalidValue },
        { Lora("""{"rank_pattern":{"q":"x"}}"""), "method.supervised.lora.rank_pattern.q", ErrorCodes.InvalidValue },
        { Lora("""{"learning_rate":20}"""), "method.supervised.lora.learning_rate", ErrorCodes.InvalidValue },
        { Lora("""{"learning_rate":"fast"}"""), "method.supervised.lora.learning_rate", ErrorCodes.InvalidValue },
        { Lora("""{"checkpoint_every_steps":0}"""), "method.supervised.lora.checkpoint_every_steps", ErrorCodes.InvalidValue },
        { Lora("""{"precision":"fp64"}"""), "method.supervised.lora.precision", ErrorCodes.InvalidValue },
        { Lora("""{"queue":"Bad Queue"}"""), "method.supervised.lora.queue", ErrorCodes.InvalidValue },
        { Lora("[]"), "method.supervised.lora", ErrorCodes.InvalidValue },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void WhatCannotBe_IsRefusedByItsParameter(string json, string param, string code)
    {
        var refusal = Assert.Throws<GridException>(() => Map(json));
        Assert.Equal((param, code), (refusal.Field, refusal.Code));
        Assert.Contains(param.Split('[')[0], refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EpochsBesideSteps_AreRefusedInTheRequestsWords()
    {
        var refusal = Assert.Throws<GridException>(() => Map(With("""{"method":{"type":"supervised","supervised":{"hyperparameters":{"n_epochs":1},"lora":{"max_steps":5}}}}""")));
        Assert.Equal("method.supervised.lora.max_steps", refusal.Field);
        Assert.Contains("method.supervised.hyperparameters.n_epochs and method.supervised.lora.max_steps exclude each other", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"model\":\"a\",\"model\":\"b\"}")]
    [InlineData("{\"model\":\"\\ud800\",\"training_file\":\"f\"}")]
    [InlineData("{\"model\":")]
    public void WhatIsNoObject_IsRefused(string json) =>
        Assert.Equal(ErrorCodes.InvalidJson, Assert.Throws<GridException>(() => Map(json)).Code);

    [Fact]
    public void EverySetting_StandsForAFieldOfTheSchema()
    {
        var shown = LoraSettings.Show(Map(Plain).Spec, 1e-3);
        Assert.True(shown.Count > 25, $"{shown.Count} settings");
        foreach (var (name, _) in shown) Assert.NotNull(ParameterNames.Of("dpo").Find(PathOf(name)));

        string PathOf(string setting) => JobPaths().Single(p => LoraSettings.NameOf(p) == setting);
    }

    private static IEnumerable<string> JobPaths()
    {
        foreach (var (name, node) in JobSchema.Create()["properties"]!.AsObject())
        {
            if (node!["properties"] is not JsonObject members) yield return name;
            else foreach (var (member, _) in members) yield return $"{name}.{member}";
        }
    }

    private static string Lora(string settings) => With("""{"method":{"type":"supervised","supervised":{"lora":""" + settings + "}}}");

    private static string With(string more)
    {
        var body = JsonNode.Parse(Plain)!.AsObject();
        // Texts, since numbers that no double holds are among them.
        return string.Concat(body.ToJsonString()[..^1], ",", more.Trim()[1..]);
    }
}
