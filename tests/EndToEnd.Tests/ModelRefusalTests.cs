using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace FineTuneGrid.EndToEnd;

/// <summary>Model folders that cannot work, through the real host: refused when they are added, by name and with what to do.</summary>
[Collection(SharedGrid.Name)]
public sealed class ModelRefusalTests(SharedGrid shared)
{
    [Theory]
    [InlineData("""{"model_type": "nonesuch"}""", "unsupported_model", "supported are", "model_type")]
    [InlineData("""{"num_attention_heads": 5}""", "invalid_model", "must divide num_attention_heads (5)", "num_key_value_heads")]
    [InlineData("""{"num_hidden_layers": 3}""", "invalid_model", "tensor model.layers.2.input_layernorm.weight is missing", "model.layers.2.input_layernorm.weight")]
    [InlineData("""{"num_hidden_layers": 1}""", "invalid_model", "is no part of a llama model", "model.layers.1.input_layernorm.weight")]
    [InlineData("""{"vocab_size": 650}""", "invalid_model", "has shape [640, 64], not [650, 64]", "model.embed_tokens.weight")]
    [InlineData("""{"num_hidden_layers": 1000000000}""", "invalid_model", "from 1 to 4096", "num_hidden_layers")]
    [InlineData("""{"rope_scaling": {"rope_type": "spiral"}}""", "unsupported_model", "supports the types default", "rope_type")]
    [InlineData("""{"quantization_config": {"quant_method": "gptq", "bits": 4}}""", "unsupported_model", "add the model that it was made from", "quantization_config")]
    public async Task Model_WithAConfigThatDoesNotFit_IsRefused(string change, string code, string says, string field)
    {
        var config = JsonNode.Parse(TinyModel.Files.Single(f => f.Path == "config.json").Bytes)!.AsObject();
        foreach (var (name, value) in JsonNode.Parse(change)!.AsObject()) config[name] = value!.DeepClone();
        await RefusedAsync($"bad-{field.Replace('_', '-').ToLowerInvariant()}-{config["num_hidden_layers"]}", code, says, field, ("config.json", config.ToJsonString()));
    }

    [Theory]
    [InlineData("{% for m in messages %}{{ m.content | nonsense }}{% endfor %}", "nonsense")]
    [InlineData("{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}", "steps")]
    public Task Model_WithATemplateThatCannotRun_IsRefused(string template, string says) =>
        RefusedAsync($"bad-template-{says}", "invalid_template", says, "chat_template", ("chat_template.jinja", template));

    [Fact]
    public async Task Model_WithATokenizerOfAnotherForm_SaysHowToWriteTokenizerJson()
    {
        var answer = await shared.Grid.AddAsync("models", "slow-tokenizer", [.. TinyModel.Files.Where(f => f.Path != "tokenizer.json"), ("vocab.json", "{}"u8.ToArray())]);
        Refused(answer, "invalid_tokenizer", "AutoTokenizer.from_pretrained", "tokenizer.json");
    }

    [Fact]
    public async Task Model_WhoseIndexNamesAnAbsentFile_NamesIt()
    {
        const string index = """{"metadata": {}, "weight_map": {"lm_head.weight": "model-00001-of-00001.safetensors"}}""";
        await RefusedAsync("absent-shard", "invalid_model", "is missing; upload it", "model-00001-of-00001.safetensors", ("model.safetensors.index.json", index));
    }

    private async Task RefusedAsync(string name, string code, string says, string field, (string Path, string Text) file) =>
        Refused(await shared.Grid.AddAsync("models", name, [.. TinyModel.Files.Where(f => f.Path != file.Path), (file.Path, Encoding.UTF8.GetBytes(file.Text))]), code, says, field);

    private static void Refused(Answer answer, string code, string says, string field)
    {
        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.Status);
        Assert.Contains(says, answer["detail"], StringComparison.Ordinal);
        Assert.Equal((code, field), (answer["code"], answer["field"]));
    }
}
