using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Grains.Planning;

namespace FineTuneGrid.Grains.Tests;

/// <summary>What each server will do with an adapter, rule by rule.</summary>
public sealed class ServeCheckTests
{
    private static readonly LinearModule[] Llama =
    [
        .. Enumerable.Range(0, 2).SelectMany(layer => new[] { "self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj" }
            .Select(name => new LinearModule($"model.layers.{layer}.{name}", 2048, 2048))),
    ];

    [Fact]
    public void Of_DefaultsOnLlama_LoadsEverywhere()
    {
        var found = ServeCheck.Of("llama", Method(), Llama);

        Assert.Equal(ServerNames.All, found.Select(f => f.Server));
        Assert.All(found, f => Assert.True(f.Loads, f.Why));
        Assert.All(found, f => Assert.Null(f.Why));
        Assert.Equal("--enable-lora", found[0].Needs);
    }

    [Theory]
    [InlineData(1, "--enable-lora")]
    [InlineData(16, "--enable-lora")]
    [InlineData(17, "--enable-lora --max-lora-rank 32")]
    [InlineData(64, "--enable-lora --max-lora-rank 64")]
    [InlineData(257, "--enable-lora --max-lora-rank 320")]
    [InlineData(512, "--enable-lora --max-lora-rank 512")]
    public void Of_Rank_NeedsVllmsNextFlag(int rank, string needs)
    {
        var vllm = ServeCheck.Of("llama", Method($"\"rank\":{rank}"), Llama)[0];

        Assert.Equal((true, needs), (vllm.Loads, vllm.Needs));
    }

    [Theory]
    [InlineData("\"rank\":513", "vllm", "ends at 512")]
    [InlineData("\"dora\":true", "vllm", "method.dora")]
    [InlineData("\"dora\":true", "tgi", "method.dora")]
    [InlineData("\"dora\":true", "llama.cpp", "method.dora")]
    [InlineData("\"alpha_pattern\":{\"q_proj\":64}", "vllm", "model.layers.0.self_attn.q_proj has alpha 64")]
    [InlineData("\"alpha_pattern\":{\"q_proj\":64}", "tgi", "method.alpha_pattern")]
    [InlineData("\"alpha_pattern\":{\"q_proj\":64}", "llama.cpp", "by 2 instead of 4")]
    [InlineData("\"rank_pattern\":{\"q_proj\":8}", "vllm", "rank 8")]
    [InlineData("\"rank_pattern\":{\"layers.1.self_attn.q_proj\":8},\"alpha_pattern\":{\"layers.1.self_attn.q_proj\":16}", "tgi", "must have one rank")]
    [InlineData("\"rslora\":true", "llama.cpp", "method.alpha to 128")]
    [InlineData("\"target_modules\":\"regex:model.layers.0.*\"", "tgi", "all layers or none")]
    public void Of_MethodThatAServerCannotServe_SaysWhy(string method, string server, string why)
    {
        var finding = One("llama", Method(method), Llama, server);

        Assert.False(finding.Loads);
        Assert.Contains(why, finding.Why, StringComparison.Ordinal);
        Assert.Null(finding.Needs);
    }

    [Theory]
    [InlineData("\"rslora\":true", "vllm")]
    [InlineData("\"rslora\":true", "tgi")]
    [InlineData("\"rank\":513", "llama.cpp")]
    [InlineData("\"rank_pattern\":{\"q_proj\":8}", "llama.cpp")]
    [InlineData("\"target_modules\":[\"q_proj\"]", "tgi")]
    [InlineData("\"target_modules\":\"regex:model.layers.0.*\"", "vllm")]
    public void Of_MethodThatAServerServes_Loads(string method, string server)
    {
        var finding = One("llama", Method(method), Llama, server);

        Assert.True(finding.Loads, finding.Why);
    }

    [Theory]
    [InlineData("vllm")]
    [InlineData("tgi")]
    [InlineData("llama.cpp")]
    public void Of_ModulesToSave_LoadNowhere(string server)
    {
        var finding = One("llama", Method() with { ModulesToSave = ["lm_head"] }, Llama, server);

        Assert.False(finding.Loads);
        Assert.Contains("lm_head", finding.Why, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("qwen3", true, null, true)]
    [InlineData("mistral", true, true, true)]
    [InlineData("opt", true, null, false)]
    [InlineData("stablelm", false, null, null)]
    [InlineData("gptj", false, null, false)]
    [InlineData("codegen", null, null, false)]
    public void Of_Base_IsAsTheServersDocumentIt(string modelType, bool? vllm, bool? tgi, bool? llamaCpp) =>
        Assert.Equal([vllm, tgi, llamaCpp], ServeCheck.Of(modelType, Method(), Llama).Select(f => f.Loads));

    [Fact]
    public void Of_SeveralRanksOfOneScale_LoadWhereEachLayerIsScaledByItsOwn()
    {
        var method = Method("\"rank_pattern\":{\"q_proj\":8},\"alpha_pattern\":{\"q_proj\":16}");

        var found = ServeCheck.Of("llama", method, Llama);

        Assert.Equal([null, null, false], found.Select(f => f.Loads));
        Assert.Contains("method.rank_pattern", found[0].Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_RankPatternAboveWhatVllmTakes_IsRefused()
    {
        var found = One("llama", Method("\"rank_pattern\":{\"q_proj\":1024},\"alpha_pattern\":{\"q_proj\":2048}"), Llama, "vllm");

        Assert.False(found.Loads);
        Assert.Contains("rank 1024", found.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_LayersOutsideTgisSeven_AreNamed()
    {
        var finding = One("gpt2", Method(), [new("transformer.h.0.attn.c_attn", 768, 2304)], "tgi");

        Assert.False(finding.Loads);
        Assert.Contains("transformer.h.0.attn.c_attn", finding.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_Experts_AreNotKnownButAttentionIs()
    {
        LinearModule[] mixtral = [new("model.layers.0.self_attn.q_proj", 64, 64), new("model.layers.0.block_sparse_moe.experts.0.w1", 64, 128)];

        Assert.Equal([null, false, null], ServeCheck.Of("mixtral", Method(), mixtral).Select(f => f.Loads));
        Assert.Equal([true, null, true], ServeCheck.Of("mixtral", Method("\"target_modules\":[\"q_proj\"]"), mixtral).Select(f => f.Loads));
    }

    [Theory]
    [InlineData("vllm", "vllm will not load this adapter")]
    [InlineData("tgi", "not known that tgi loads")]
    public void Require_ServerThatDoesNotLoad_NamesTheField(string server, string message)
    {
        var modules = new[] { new LinearModule("model.layers.0.self_attn.q_proj", 64, 64) };
        var found = ServeCheck.Of("stablelm", Method(), modules);

        var refusal = Assert.Throws<GridException>(() => ServeCheck.Require(found, [server]));

        Assert.Equal((ErrorCodes.InvalidValue, "strict_serving"), (refusal.Code, refusal.Field));
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
        Assert.Single(refusal.Findings);
    }

    [Fact]
    public void Require_OtherServersThanThoseThatRefuse_Passes()
    {
        var found = ServeCheck.Of("llama", Method("\"rslora\":true"), Llama);

        ServeCheck.Require(found, []);
        ServeCheck.Require(found, ["vllm", "tgi"]);
    }

    private static ServeFinding One(string modelType, MethodSpec method, LinearModule[] modules, string server) =>
        ServeCheck.Of(modelType, method, modules).Single(f => f.Server == server);

    private static MethodSpec Method(string members = "")
    {
        var json = """{"base_model":"base","adapter":"acme/tuned","data":{"train":"data"},"method":{""" + members + "}}";
        return JobSpecReader.Read(System.Text.Encoding.UTF8.GetBytes(json)).Method;
    }
}
