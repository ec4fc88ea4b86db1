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
    [InlineData("hidden_size", "47", ErrorCodes.InvalidModel)]
    [InlineData("num_key_value_heads", "3", ErrorCodes.InvalidModel)]
    [InlineData("hidden_act", "\"nonesuch\"", ErrorCodes.UnsupportedModel)]
    [InlineData("tie_word_embeddings", "1", ErrorCodes.InvalidModel)]
    [InlineData("rms_norm_eps", "\"x\"", ErrorCodes.InvalidModel)]
    [InlineData("rope_scaling", """{"rope_type":"nonesuch","factor":2}""", ErrorCodes.UnsupportedModel)]
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

    [Fact]
    public void Create_NewerRopeParameters_MeanTheSame()
    {
        var json = JsonNode.Parse(File.ReadAllText(new Golden("llama3_rope").File("config.json")))!.AsObject();
        var old = RotarySpec.Read(ModelConfig.Parse(Encoding.UTF8.GetBytes(json.ToJsonString())), 12);
        var parameters = json["rope_scaling"]!.DeepClone().AsObject();
        parameters["rope_theta"] = json["rope_theta"]!.DeepClone();
        json.Remove("rope_scaling");
        json.Remove("rope_theta");
        json["rope_parameters"] = parameters;
        Assert.Equal(old, RotarySpec.Read(ModelConfig.Parse(Encoding.UTF8.GetBytes(json.ToJsonString())), 12));
    }

    [Theory]
    [InlineData("""{"type":"linear","factor":4}""", 384)]
    [InlineData("""{"type":"dynamic","factor":2}""", 192)]
    [InlineData("""{"rope_type":"yarn","factor":4,"original_max_position_embeddings":32}""", 128)]
    [InlineData("""{"rope_type":"yarn","factor":2,"original_max_position_embeddings":32}""", 96)]
    [InlineData("""{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":64}""", 96)]
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
