using System.Text;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Loading;

namespace FineTuneGrid.Models.Tests;

public sealed class ConfigTests
{
    private readonly Golden _golden = new("llama");

    [Theory]
    [InlineData("model_type", "\"nonesuch\"", ErrorCodes.UnsupportedModel)]
    [InlineData("model_type", null, ErrorCodes.InvalidModel)]
    [InlineData("hidden_size", null, ErrorCodes.InvalidModel)]
    [InlineData("hidden_size", "-1", ErrorCodes.InvalidModel)]
    [InlineData("hidden_size", "47", ErrorCodes.InvalidModel, "num_attention_heads")]
    [InlineData("partial_rotary_factor", "0.5", ErrorCodes.UnsupportedModel)]
    [InlineData("rope_parameters", """{"full_attention":{"rope_type":"default"}}""", ErrorCodes.UnsupportedModel)]
    [InlineData("num_key_value_heads", "3", ErrorCodes.InvalidModel)]
    [InlineData("hidden_act", "\"nonesuch\"", ErrorCodes.UnsupportedModel)]
    [InlineData("tie_word_embeddings", "1", ErrorCodes.InvalidModel)]
    [InlineData("rms_norm_eps", "\"x\"", ErrorCodes.InvalidModel)]
    [InlineData("rope_scaling", """{"rope_type":"nonesuch","factor":2}""", ErrorCodes.UnsupportedModel, "rope_type")]
    [InlineData("rope_scaling", """{"rope_type":["yarn"]}""", ErrorCodes.InvalidModel, "rope_type")]
    [InlineData("rope_scaling", """{"rope_type":"yarn"}""", ErrorCodes.InvalidModel, "factor")]
    [InlineData("rope_scaling", """{"rope_type":"dynamic","factor":-1}""", ErrorCodes.InvalidModel, "factor")]
    [InlineData("rope_scaling", """{"rope_type":"longrope","short_factor":[1,1],"long_factor":[1,1,1,1,1,1]}""", ErrorCodes.InvalidModel, "short_factor")]
    [InlineData("quantization_config", """{"bits":4}""", ErrorCodes.UnsupportedModel)]
    public void Create_BadField_NamesIt(string field, string? value, string code, string? named = null)
    {
        var json = JsonNode.Parse(File.ReadAllText(_golden.File("config.json")))!.AsObject();
        json[field] = value is null ? null : JsonNode.Parse(value);
        var error = Assert.Throws<GridException>(() => Create(json.ToJsonString()));
        Assert.Equal(code, error.Code);
        Assert.Equal(named ?? field, error.Field);
    }

    /// <summary>Settings that no published folder has and that transformers itself does not run, or runs in one way here and in another there.</summary>
    [Theory]
    [InlineData("bloom", """{"slow_but_exact":true,"pretraining_tp":2}""", "slow_but_exact")]
    [InlineData("falcon_7b", """{"num_ln_in_parallel_attn":2}""", "num_ln_in_parallel_attn")]
    [InlineData("falcon_40b", """{"parallel_attn":false}""", "parallel_attn")]
    [InlineData("falcon_rw", """{"num_kv_heads":2}""", "num_kv_heads")]
    [InlineData("gemma2", """{"query_pre_attn_scalar":null}""", "query_pre_attn_scalar")]
    [InlineData("gemma2", """{"sliding_window":null}""", "sliding_window")]
    [InlineData("gemma3", """{"attn_logit_softcapping":5}""", "attn_logit_softcapping")]
    [InlineData("gemma3", """{"use_bidirectional_attention":true}""", "use_bidirectional_attention")]
    [InlineData("gpt2", """{"add_cross_attention":true}""", "add_cross_attention")]
    [InlineData("gpt_bigcode", """{"add_cross_attention":true}""", "add_cross_attention")]
    [InlineData("gpt_neo", """{"attention_layers":["global","nonesuch","global","local"]}""", "attention_layers")]
    [InlineData("gpt_neox", """{"rotary_pct":0.25}""", "rotary_pct")]
    [InlineData("gptj", """{"rotary_dim":null}""", "rotary_dim")]
    [InlineData("codegen", """{"rotary_dim":7}""", "rotary_dim")]
    [InlineData("codegen", """{"n_head":6}""", "n_head")]
    [InlineData("mpt", """{"no_bias":false}""", "no_bias")]
    [InlineData("mpt", """{"logit_scale":0.5}""", "logit_scale")]
    [InlineData("mpt", """{"expansion_ratio":2}""", "expansion_ratio")]
    [InlineData("mpt", """{"attn_config":{"qk_ln":true}}""", "qk_ln")]
    [InlineData("mpt", """{"attn_config":{"attn_type":"multiquery_attention"}}""", "attn_type")]
    [InlineData("qwen2", """{"layer_types":["sliding_attention","full_attention"]}""", "layer_types")]
    [InlineData("qwen2", """{"layer_types":["full_attention"]}""", "layer_types")]
    [InlineData("stablelm", """{"partial_rotary_factor":0.25}""", "partial_rotary_factor")]
    [InlineData("cohere", """{"partial_rotary_factor":0.5}""", "partial_rotary_factor")]
    public void Create_SettingThatChangesTheResultAndIsNotKnown_IsRefusedByName(string family, string fields, string named)
    {
        var json = JsonNode.Parse(File.ReadAllText(new Golden(family).File("config.json")))!.AsObject();
        foreach (var (name, value) in JsonNode.Parse(fields)!.AsObject())
            json[name] = value?.DeepClone();
        var error = Assert.Throws<GridException>(() => Create(json.ToJsonString()));
        Assert.Contains(error.Code, new[] { ErrorCodes.InvalidModel, ErrorCodes.UnsupportedModel });
        Assert.Equal(named, error.Field);
        Assert.StartsWith("config.json: " + named, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("RefinedWeb", "convert_custom_code_checkpoint.py")]
    [InlineData("gemma3", "gemma3_text")]
    public void Create_TypeWhoseWeightsHaveAnotherForm_NamesTheWayThere(string type, string fix)
    {
        var error = Assert.Throws<GridException>(() => Create($$"""{"model_type":"{{type}}"}"""));
        Assert.Equal((ErrorCodes.UnsupportedModel, "model_type"), (error.Code, error.Field));
        Assert.Contains(fix, error.Message, StringComparison.Ordinal);
    }

    /// <summary>null is not the default: it switches off, or means as many heads as there are.</summary>
    [Fact]
    public void Create_NullKeyHeads_AreAsManyAsQueryHeads()
    {
        var json = JsonNode.Parse(File.ReadAllText(new Golden("mistral").File("config.json")))!.AsObject();
        json["num_key_value_heads"] = null;
        Assert.Equal(4, Create(json.ToJsonString()).KeyValueHeads);
        json.Remove("num_key_value_heads");
        Assert.Contains("absent it means 8", Assert.Throws<GridException>(() => Create(json.ToJsonString())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_NewerRopeParameters_MeanTheSame()
    {
        var json = JsonNode.Parse(File.ReadAllText(new Golden("llama3_rope").File("config.json")))!.AsObject();
        var old = RotarySpec.Read(ModelConfig.Parse(Encoding.UTF8.GetBytes(json.ToJsonString())), 12, 96);
        var parameters = json["rope_scaling"]!.DeepClone().AsObject();
        parameters["rope_theta"] = json["rope_theta"]!.DeepClone();
        json.Remove("rope_scaling");
        json.Remove("rope_theta");
        json["rope_parameters"] = parameters;
        Assert.Equal(old, RotarySpec.Read(ModelConfig.Parse(Encoding.UTF8.GetBytes(json.ToJsonString())), 12, 96));
    }

    [Theory]
    [InlineData("""{"type":"linear","factor":4}""", 384)]
    [InlineData("""{"type":"dynamic","factor":2}""", 192)]
    [InlineData("""{"rope_type":"yarn","factor":4,"original_max_position_embeddings":32}""", 128)]
    [InlineData("""{"rope_type":"yarn","factor":2,"original_max_position_embeddings":32}""", 96)]
    [InlineData("""{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":64}""", 96)]
    [InlineData("""{"type":"longrope","factor":2,"short_factor":[1,1,1,1,1,1],"long_factor":[2,2,2,2,2,2]}""", 192)]
    public void Create_RopeScaling_StretchesTheContextThatTheConfigKeeps(string scaling, int context)
    {
        var json = JsonNode.Parse(File.ReadAllText(_golden.File("config.json")))!.AsObject();
        json["rope_scaling"] = JsonNode.Parse(scaling);
        Assert.Equal(context, Create(json.ToJsonString()).ContextLength);
    }

    [Fact]
    public void Rotary_Linear_DividesTheFrequencies()
    {
        var plain = new RotarySpec(8, 10000).InverseFrequencies();
        Assert.Equal(plain.Select(f => f / 4), (new RotarySpec(8, 10000) { LinearFactor = 4 }).InverseFrequencies());
        Assert.Equal([1f, 0.1f, 0.01f, 0.001f], plain);
    }

    [Theory]
    [MemberData(nameof(Golden.Families), MemberType = typeof(Golden))]
    public void Parameters_OfTheArchitecture_AreTheCheckpointsTensors(string family)
    {
        var golden = new Golden(family);
        Assert.Equal(golden.Weights.Names.Order(StringComparer.Ordinal), golden.Architecture.Parameters.Select(p => p.Name).Order(StringComparer.Ordinal));
        Assert.Equal(golden.Weights.Names.Sum(n => golden.Weights.Describe(n).Shape.Aggregate(1L, (a, b) => a * b)), golden.Architecture.ParameterCount);
    }

    [Fact]
    public void Load_MissingOrMisshapenTensor_NamesIt()
    {
        var json = JsonNode.Parse(File.ReadAllText(_golden.File("config.json")))!.AsObject();
        json["num_hidden_layers"] = 3;
        var missing = Assert.Throws<GridException>(() => WeightLoader.Load(Create(json.ToJsonString()), _golden.Weights));
        Assert.Equal((ErrorCodes.InvalidModel, "model.layers.2.input_layernorm.weight"), (missing.Code, missing.Field));
        Assert.Equal(9, missing.Findings.Count);
        json["num_hidden_layers"] = 2;
        json["vocab_size"] = 321;
        var shape = Assert.Throws<GridException>(() => WeightLoader.Load(Create(json.ToJsonString()), _golden.Weights));
        Assert.Contains("has shape [320, 48], not [321, 48]", shape.Message, StringComparison.Ordinal);
    }

    private static Architecture Create(string json) => ModelFamilies.Create(ModelConfig.Parse(Encoding.UTF8.GetBytes(json)));
}
