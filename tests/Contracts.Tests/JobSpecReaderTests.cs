using System.Text;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Jobs;

namespace FineTuneGrid.Contracts.Tests;

public sealed class JobSpecReaderTests
{
    private const string Minimal = """{"base_model":"tiny","adapter":"team/first","data":{"train":"sample"}}""";

    [Fact]
    public void Read_MinimalSpec_FillsEveryDefault()
    {
        var spec = Read(Minimal);

        Assert.Equal("tiny", spec.BaseModelName());
        Assert.Equal(("lora", 16, 32.0), (spec.Method.Type, spec.Method.Rank, spec.Method.Alpha));
        Assert.Equal("all-linear", spec.Method.TargetModules.GetString());
        Assert.Equal((1, JobRules.DefaultBatchSize), (spec.Optimizer.Epochs, spec.Optimizer.BatchSize));
        Assert.Equal([0.9, 0.999], spec.Optimizer.Betas);
        Assert.Equal(1.0, spec.Optimizer.MaxGradNorm);
        Assert.Equal(("auto", 0), (spec.Precision, spec.Resources.Priority));
        Assert.Null(spec.Mode);
    }

    [Fact]
    public void Read_NullGradNorm_TurnsClippingOff() =>
        Assert.Null(Read(With("optimizer", """{"max_grad_norm":null}""")).Optimizer.MaxGradNorm);

    [Theory]
    [InlineData("""{"methd":{}}""", "methd", "did you mean 'method'?")]
    [InlineData("""{"method":{"rnk":8}}""", "method.rnk", "did you mean 'rank'?")]
    [InlineData("""{"method":{"rank":0}}""", "method.rank", "between 1 and 4096")]
    [InlineData("""{"method":{"rank":"8"}}""", "method.rank", "a whole number")]
    [InlineData("""{"method":{"rank":2.5}}""", "method.rank", "a whole number")]
    [InlineData("""{"method":{"type":"qlora"}}""", "method.type", "one of lora, full")]
    [InlineData("""{"method":{"target_modules":[]}}""", "method.target_modules", "may not be empty")]
    [InlineData("""{"method":{"target_modules":"regex:("}}""", "method.target_modules", "regular expression")]
    [InlineData("""{"method":{"target_modules":"q_proj"}}""", "method.target_modules", "'all-linear'")]
    [InlineData("""{"strict_serving":["vlm"]}""", "strict_serving[0]", "one of vllm, tgi, llama.cpp")]
    [InlineData("""{"method":{"type":"full"},"strict_serving":["vllm"]}""", "strict_serving", "method.type 'lora'")]
    [InlineData("""{"method":{"lora_plus_ratio":0}}""", "method.lora_plus_ratio", "above 0")]
    [InlineData("""{"method":{"type":"full","dora":true}}""", "method.dora", "needs method.type 'lora'")]
    [InlineData("""{"method":{"type":"full","lora_plus_ratio":4}}""", "method.lora_plus_ratio", "needs method.type 'lora'")]
    [InlineData("""{"method":{"type":"full","quantization":"nf4"}}""", "method.quantization", "needs method.type 'lora'")]
    [InlineData("""{"method":{"type":"full"},"objective":{"type":"dpo"}}""", "objective.type", "needs method.type 'lora'")]
    [InlineData("""{"objective":{"type":"dpo","beta":0}}""", "objective.beta", "above 0")]
    [InlineData("""{"objective":{"beta":0.1}}""", "objective.beta", "needs objective.type 'dpo'")]
    [InlineData("""{"objective":{"type":"dpo"},"data":{"train":"a","format":"chat"}}""", "data.format", "data.format 'preference'")]
    [InlineData("""{"data":{"train":"a","format":"preference"}}""", "data.format", "needs objective.type 'dpo'")]
    [InlineData("""{"adapter":"first"}""", "adapter", "org/name")]
    [InlineData("""{"adapter":"Team/first"}""", "adapter", "a-z")]
    [InlineData("""{"adapter":"api/first"}""", "adapter", "reserved")]
    [InlineData("""{"adapter":"team/first@2"}""", "adapter", "given by the registry")]
    [InlineData("""{"data":{}}""", "data.train", "required")]
    [InlineData("""{"data":{"train":"a","sequence_length":1}}""", "data.sequence_length", "between 2")]
    [InlineData("""{"optimizer":{"epochs":1,"max_steps":2}}""", "optimizer.max_steps", "exclude each other")]
    [InlineData("""{"optimizer":{"batch_size":1,"batch_tokens":2}}""", "optimizer.batch_tokens", "exclude each other")]
    [InlineData("""{"optimizer":{"betas":[0.9]}}""", "optimizer.betas", "2 items")]
    [InlineData("""{"optimizer":{"learning_rate":0}}""", "optimizer.learning_rate", "above 0")]
    [InlineData("""{"resources":{"workers":2,"min_workers":3}}""", "resources.min_workers", "at most 2")]
    [InlineData("""{"resources":{"workers":2,"min_workers":1},"mode":"fast","optimizer":{"local_steps":10}}""", "resources.min_workers", "at least 2")]
    [InlineData("""{"optimizer":{"local_steps":4}}""", "optimizer.local_steps", "mode 'fast'")]
    [InlineData("""{"optimizer":{"local_steps":4},"resources":{"workers":2}}""", "optimizer.local_steps", "mode 'fast'")]
    [InlineData("""{"optimizer":{"local_steps":4},"resources":{"workers":2},"mode":"fast","checkpoint":{"every_steps":6}}""", "checkpoint.every_steps", "multiple of optimizer.local_steps (4)")]
    [InlineData("""{"evaluation":{"gates":[{"metric":"valid_loss","max":1}]}}""", "evaluation.gates[0].metric", "data.validation")]
    [InlineData("""{"base_model":{"init":{}}}""", "base_model", "method.type is 'full'")]
    [InlineData("""{"precision":null}""", "precision", "may not be null")]
    public void Read_BadField_NamesFieldAndFix(string change, string field, string fix)
    {
        var error = Assert.Throws<GridException>(() => Read(Merge(change)));

        Assert.Equal(ErrorCodes.InvalidSpec, error.Code);
        var finding = Assert.Single(error.Findings, f => f.Where == field);
        Assert.Contains(fix, finding.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rnk", "method.rnk is not a known field; did you mean 'rank'?")]
    [InlineData("entirely_else", "method.entirely_else is not a known field; known fields are type, quantization,")]
    public void Read_UnknownField_EndsInOneMark(string field, string begins)
    {
        var message = Assert.Throws<GridException>(() => Read(With("method", $"{{\"{field}\":8}}"))).Message;

        Assert.StartsWith(begins, message, StringComparison.Ordinal);
        Assert.Matches(@"[^.?][.?]\z", message);
    }

    [Fact]
    public void Read_NodeMadeInMemory_IsReadAsItsText()
    {
        var node = JsonNode.Parse(Minimal)!.AsObject();
        node["method"] = new JsonObject { ["rank"] = 8, ["alpha"] = 16f, ["dropout"] = 0.5m };
        node["optimizer"] = new JsonObject { ["max_steps"] = (short)3, ["seed"] = 7L, ["learning_rate"] = 1e-3 };

        var spec = JobSpecReader.Read(node);

        Assert.Equal(GridJson.ToText(Read(node.ToJsonString())), GridJson.ToText(spec));
        Assert.Equal((8, 16.0, 3), (spec.Method.Rank, spec.Method.Alpha, spec.Optimizer.MaxSteps));
        node["method"]!["rank"] = 0;
        Assert.Equal("method.rank", Assert.Throws<GridException>(() => JobSpecReader.Read(node)).Field);
        node["method"]!["alpha"] = double.NaN;
        Assert.Equal(ErrorCodes.InvalidJson, Assert.Throws<GridException>(() => JobSpecReader.Read(node)).Code);
    }

    [Fact]
    public void Read_SeveralFaults_ReportsAllAtOnce()
    {
        var error = Assert.Throws<GridException>(() => Read(Merge("""{"method":{"rank":0,"alhpa":1},"mode":"slow"}""")));

        Assert.Equal(["method.alhpa", "method.rank", "mode"], error.Findings.Select(f => f.Where).Order());
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("""{"data":{"train":"a"},"data":{"train":"b"}}""")]
    [InlineData("null")]
    public void Read_NotOneJsonObject_IsInvalidJson(string json) =>
        Assert.Equal(ErrorCodes.InvalidJson, Assert.Throws<GridException>(() => Read(json)).Code);

    [Fact]
    public void Read_DeepJson_IsRefused()
    {
        var json = string.Concat(Enumerable.Repeat("""{"a":""", 10_000)) + "1" + new string('}', 10_000);
        Assert.Equal(ErrorCodes.InvalidJson, Assert.Throws<GridException>(() => Read(json)).Code);
    }

    [Fact]
    public void Spec_RoundTrip_IsUnchanged()
    {
        var spec = Read(Minimal);
        var again = GridJson.Parse<JobSpec>(GridJson.ToBytes(spec));
        Assert.Equal(GridJson.ToText(spec), GridJson.ToText(again));
    }

    [Fact]
    public void Schema_EveryDefault_PassesItsOwnCheck()
    {
        var filled = JsonNode.Parse(GridJson.ToBytes(Read(Minimal)));
        Assert.Equal(GridJson.ToText(Read(Minimal)), GridJson.ToText(JobSpecReader.Read(Without(filled!.AsObject(), "epochs"))));
    }

    private static JsonObject Without(JsonObject spec, string member)
    {
        spec["optimizer"]!.AsObject().Remove(member);
        return spec;
    }

    private static JobSpec Read(string json) => JobSpecReader.Read(Encoding.UTF8.GetBytes(json));

    private static string With(string member, string json) => Merge($$"""{"{{member}}":{{json}}}""");

    private static string Merge(string change)
    {
        var spec = JsonNode.Parse(Minimal)!.AsObject();
        foreach (var (name, value) in JsonNode.Parse(change)!.AsObject()) spec[name] = value?.DeepClone();
        return spec.ToJsonString();
    }
}
