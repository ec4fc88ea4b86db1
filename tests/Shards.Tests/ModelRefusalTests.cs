using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Shards.Tests.Support;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Shards.Tests;

/// <summary>What is wrong with a model folder is said when it is added, by name and with what to do, through the real child process.</summary>
public sealed class ModelRefusalTests : IDisposable
{
    private const string Index = "model.safetensors.index.json";

    private readonly DataFolder _data = new();

    [Theory]
    [InlineData("model_type", null, ErrorCodes.InvalidModel, "model_type is missing")]
    [InlineData("model_type", "\"nonesuch\"", ErrorCodes.UnsupportedModel, "'nonesuch' is not supported; supported are bert, bloom, codegen")]
    [InlineData("vocab_size", null, ErrorCodes.InvalidModel, "vocab_size is missing")]
    [InlineData("num_attention_heads", "3", ErrorCodes.InvalidModel, "num_attention_heads must divide the hidden size (8); it is 3")]
    [InlineData("num_key_value_heads", "3", ErrorCodes.InvalidModel, "num_key_value_heads must divide num_attention_heads (2)")]
    [InlineData("num_hidden_layers", "2000000000", ErrorCodes.InvalidModel, "from 1 to 4096")]
    [InlineData("hidden_size", "1000000000", ErrorCodes.InvalidModel, "hidden_size must be a whole number from 1 to 131072")]
    [InlineData("vocab_size", "-1", ErrorCodes.InvalidModel, "vocab_size must be")]
    [InlineData("hidden_act", "\"magic\"", ErrorCodes.UnsupportedModel, "hidden_act is \"magic\"")]
    [InlineData("rope_scaling", """{"rope_type":"spiral","factor":2}""", ErrorCodes.UnsupportedModel, "supports the types default, linear, dynamic, llama3, yarn and longrope", "rope_type")]
    [InlineData("rope_scaling", """{"rope_type":"linear"}""", ErrorCodes.InvalidModel, "factor is missing", "factor")]
    [InlineData("quantization_config", """{"quant_method":"gptq","bits":4}""", ErrorCodes.UnsupportedModel, "quantised (gptq)")]
    [InlineData("quantization_config", """{"quant_method":"awq"}""", ErrorCodes.UnsupportedModel, "quantised (awq), which this build does not read; add the model that it was made from")]
    [InlineData("quantization_config", """{"load_in_4bit":true}""", ErrorCodes.UnsupportedModel, ".dequantize().save_pretrained(NEW)")]
    [InlineData("quantization_config", """{"bits":4}""", ErrorCodes.UnsupportedModel, "unknown scheme")]
    public async Task Config_ThatCannotBe_IsRefusedByItsField(string field, string? value, string code, string says, string? named = null)
    {
        var folder = new ModelFolder(_data);
        folder.Config[field] = value is null ? null : JsonNode.Parse(value);
        Refused(await InspectAsync(await folder.SaveAsync()), code, named ?? field, says);
    }

    [Fact]
    public async Task Config_OfAsManyTensorsAsNoModelHas_IsRefusedBeforeTheyAreCounted()
    {
        var folder = new ModelFolder(_data);
        folder.Config["model_type"] = "mixtral";
        (folder.Config["num_key_value_heads"], folder.Config["num_hidden_layers"], folder.Config["num_local_experts"], folder.Config["num_experts_per_tok"]) = (2, 4096, 64, 2);
        Refused(await InspectAsync(await folder.SaveAsync()), ErrorCodes.InvalidModel, "config.json", "more than 200000 tensors");
    }

    [Fact]
    public async Task Weights_WithoutATensor_NameIt()
    {
        var folder = new ModelFolder(_data);
        folder.Tensors.Remove("model.layers.0.mlp.up_proj.weight");
        Refused(await InspectAsync(await folder.SaveAsync()), ErrorCodes.InvalidModel, "model.layers.0.mlp.up_proj.weight", "tensor model.layers.0.mlp.up_proj.weight is missing.");
    }

    [Fact]
    public async Task Weights_OfFewerLayersThanTheConfig_NameTheFirstTensorsAndCountTheRest()
    {
        var folder = new ModelFolder(_data);
        folder.Config["num_hidden_layers"] = 3;
        var error = (await InspectAsync(await folder.SaveAsync())).Error!;
        Assert.Contains("model.layers.1.input_layernorm.weight is missing. ", error.Message, StringComparison.Ordinal);
        Assert.Contains("And 15 more. Add the config.json and the weights of one and the same model.", error.Message, StringComparison.Ordinal);
        Assert.Equal(18, error.Findings!.Count);
    }

    [Fact]
    public async Task Weights_OfAnotherShape_SayBothShapes()
    {
        var folder = new ModelFolder(_data);
        folder.Tensors["model.layers.0.self_attn.k_proj.weight"] = ModelFolder.F32(4, 8);
        Refused(await InspectAsync(await folder.SaveAsync()), ErrorCodes.InvalidModel, "model.layers.0.self_attn.k_proj.weight",
            "tensor model.layers.0.self_attn.k_proj.weight has shape [4, 8], not [8, 8] as config.json makes it.");
    }

    [Fact]
    public async Task Weights_ThatBelongToNoPart_AreNamed_ButTablesOfOlderVersionsAreNot()
    {
        var folder = new ModelFolder(_data);
        folder.Tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = ModelFolder.F32(2);
        Assert.Null((await InspectAsync(await folder.SaveAsync())).Error);
        folder.Tensors["model.layers.0.self_attn.q_proj.bias"] = ModelFolder.F32(8);
        Refused(await InspectAsync(await folder.SaveAsync()), ErrorCodes.InvalidModel, "model.layers.0.self_attn.q_proj.bias", "no part of a llama model with this config");
    }

    [Fact]
    public async Task Weights_WithATiedHeadStoredTwice_AreTaken()
    {
        var folder = new ModelFolder(_data);
        folder.Config["tie_word_embeddings"] = true;
        Assert.Null((await InspectAsync(await folder.SaveAsync())).Error);
    }

    [Fact]
    public async Task Weights_PackedByAQuantiser_SayWhatToBring()
    {
        var folder = new ModelFolder(_data);
        folder.Tensors.Remove("model.layers.0.self_attn.q_proj.weight");
        folder.Tensors["model.layers.0.self_attn.q_proj.qweight"] = (SafetensorsDtype.I32, [1, 8]);
        Refused(await InspectAsync(await folder.SaveAsync()), ErrorCodes.InvalidModel, "model.layers.0.self_attn.q_proj.weight", "quantised in a way that this build does not read: add the model that they were made from");
    }

    [Fact]
    public async Task Weights_OfIntegers_AreRefused()
    {
        var folder = new ModelFolder(_data);
        folder.Tensors["model.norm.weight"] = (SafetensorsDtype.I32, [8]);
        Refused(await InspectAsync(await folder.SaveAsync()), ErrorCodes.InvalidModel, "model.norm.weight", "has dtype Int32; weights must be F32, BF16, F16 or F64");
    }

    [Theory]
    [InlineData("pytorch_model.bin")]
    [InlineData("consolidated.00.pth")]
    [InlineData("model.PT")]
    public async Task Folder_WithAPickle_SaysHowToConvertIt(string name)
    {
        var folder = new ModelFolder(_data) { Files = { [name] = [0x80, 2] } };
        Refused(await InspectAsync(await folder.SaveAsync("model.safetensors")), ErrorCodes.InvalidModel, name, "save_pretrained(NEW, safe_serialization=True)");
    }

    [Theory]
    [InlineData("tokenizer.model")]
    [InlineData("vocab.json")]
    [InlineData("tokenizer_config.json")]
    public async Task Tokenizer_WithoutTokenizerJson_SaysHowToWriteIt(string name)
    {
        var folder = new ModelFolder(_data) { Files = { [name] = "{}"u8.ToArray() } };
        Refused(await InspectAsync(await folder.SaveAsync("tokenizer.json")), ErrorCodes.InvalidTokenizer, "tokenizer.json", "AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)");
    }

    [Fact]
    public async Task Tokenizer_WithMoreIdsThanTheModelHasRows_IsRefused()
    {
        var folder = new ModelFolder(_data);
        folder.Config["vocab_size"] = 100;
        folder.Tensors["model.embed_tokens.weight"] = folder.Tensors["lm_head.weight"] = ModelFolder.F32(100, 8);
        Refused(await InspectAsync(await folder.SaveAsync()), ErrorCodes.InvalidModel, "tokenizer.json", "but config.json's vocab_size is 100; add the tokenizer of this model");
    }

    [Theory]
    [InlineData("{% for %}", "cannot be read")]
    [InlineData("{{ messages[0]['content'] | frobnicate }}", "frobnicate")]
    [InlineData("{% for m in messages %}{{ m['content'] + 1 }}{% endfor %}", "cannot be run")]
    [InlineData("{% for i in range(100000) %}{% for j in range(100000) %}{{ i }}{% endfor %}{% endfor %}", "more than 200000 steps")]
    [InlineData("{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}", "more than 200000 steps")]
    [InlineData("{% for i in range(90000) %}{{ range(90000) | length }}{% endfor %}", "builds more text")]
    [InlineData("{% set ns = namespace(t='x') %}{% for i in range(60) %}{% set ns.t = ns.t + ns.t %}{% endfor %}", "builds more text")]
    [InlineData("{{ raise_exception('no conversation suits me') }}", "no conversation suits me")]
    public async Task Template_ThatFailsOrRunsTooLong_IsRefused(string template, string says)
    {
        var folder = new ModelFolder(_data) { Files = { ["tokenizer_config.json"] = Template(template) } };
        Refused(await InspectAsync(await folder.SaveAsync()), ErrorCodes.InvalidTemplate, "chat_template", says);
    }

    [Fact]
    public async Task Template_ThatRefusesSystemMessages_IsTaken()
    {
        const string template = "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{{ m['content'] }}{% endfor %}";
        var folder = new ModelFolder(_data) { Files = { ["tokenizer_config.json"] = Template(template) } };
        Assert.Null((await InspectAsync(await folder.SaveAsync())).Error);
    }

    [Fact]
    public async Task Index_ThatNamesAnAbsentFile_NamesIt()
    {
        var folder = new ModelFolder(_data);
        folder.Files[Index] = IndexOf(folder.Tensors.Keys.Select((name, i) => (name, i < 6 ? "model-00001-of-00002.safetensors" : "model-00002-of-00002.safetensors")));
        folder.Files["model-00001-of-00002.safetensors"] = await ModelFolder.WriteAsync(folder.Tensors.Take(6));
        Refused(await InspectAsync(await folder.SaveAsync("model.safetensors")), ErrorCodes.InvalidModel, "model-00002-of-00002.safetensors", "is named by model.safetensors.index.json and is missing; upload it");
        folder.Files["model-00002-of-00002.safetensors"] = await ModelFolder.WriteAsync(folder.Tensors.Skip(6));
        Assert.Null((await InspectAsync(await folder.SaveAsync("model.safetensors"))).Error);
    }

    [Fact]
    public async Task Index_ThatPlacesATensorElsewhere_NamesIt()
    {
        var folder = new ModelFolder(_data);
        folder.Files["a.safetensors"] = await ModelFolder.WriteAsync(folder.Tensors);
        folder.Files[Index] = IndexOf(folder.Tensors.Keys.Append("model.extra").Select(name => (name, "a.safetensors")));
        Refused(await InspectAsync(await folder.SaveAsync("model.safetensors")), ErrorCodes.InvalidSafetensors, Index, "places 'model.extra' in 'a.safetensors', which does not have it");
    }

    [Fact]
    public async Task Weights_InAFileThatNothingNames_SayWhatIsMissing()
    {
        var folder = new ModelFolder(_data);
        folder.Files["weights.safetensors"] = await ModelFolder.WriteAsync(folder.Tensors);
        Refused(await InspectAsync(await folder.SaveAsync("model.safetensors")), ErrorCodes.InvalidModel, "model.safetensors", "no model.safetensors.index.json says what 'weights.safetensors' holds");
    }

    [Fact]
    public async Task FurtherFilesOfWeights_InAnotherLayout_AreLeftAlone()
    {
        var folder = new ModelFolder(_data);
        folder.Files["consolidated.safetensors"] = await ModelFolder.WriteAsync([new("layers.0.attention.wq.weight", ModelFolder.F32(8, 8))]);
        Assert.Null((await InspectAsync(await folder.SaveAsync())).Error);
    }

    /// <summary>Most of the time is the start of the process.</summary>
    [Theory]
    [InlineData("declares a header of 9223372036854775807", "{}", 0, long.MaxValue)]
    [InlineData("declares a header of 200", "{}", 0, 200L)]
    [InlineData("has a header that is not valid JSON", """{"a":""")]
    [InlineData("whose size exceeds 64 bits", """{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}""")]
    [InlineData("bytes by its data_offsets", """{"a":{"dtype":"F32","shape":[8],"data_offsets":[0,4]}}""", 4)]
    [InlineData("without hole or overlap", """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}""", 6)]
    [InlineData("control characters", """{"\u001b[2J":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", 4)]
    [InlineData("F8_E4M3", """{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}""", 4)]
    public Task Weights_WithAHeaderThatLies_AreRefusedQuickly(string says, string json, int data = 0, long? length = null) => RefusedQuicklyAsync(says, Header(length, json, data));

    [Fact]
    public Task Weights_WithAHeaderOfAllTooManyTensors_AreRefusedQuickly() => RefusedQuicklyAsync("more than 60000 tensors",
        Header(null, "{" + string.Join(',', Enumerable.Range(0, 200_001).Select(i => $"\"{i}\":" + """{"dtype":"U8","shape":[0],"data_offsets":[0,0]}""")) + "}"));

    [Fact]
    public async Task Inspection_WhereThereIsNoLibtorch_StillKnowsEveryTensor()
    {
        var copy = Path.Combine(_data.Root, "inspector");
        Directory.CreateDirectory(copy);
        foreach (var file in Directory.EnumerateFiles(AppContext.BaseDirectory).Where(f => Path.GetExtension(f) is ".dll" or ".json"))
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        var folder = new ModelFolder(_data);
        var launcher = new InspectorLauncher(["dotnet", Path.Combine(copy, "FineTuneGrid.Inspector.dll")]);
        var reply = await launcher.RunAsync(new InspectorRequest(_data.Access, InspectModel: new InspectModelRequest("m", await folder.SaveAsync())));
        Assert.Null(reply.Error);
        Assert.Equal(7, reply.Model!.LinearModules.Count);
    }

    public void Dispose() => _data.Dispose();

    private static byte[] Template(string template) => JsonSerializer.SerializeToUtf8Bytes(new { eos_token = "<|im_end|>", chat_template = template });

    private static byte[] IndexOf(IEnumerable<(string Tensor, string File)> map) =>
        JsonSerializer.SerializeToUtf8Bytes(new { metadata = new { }, weight_map = map.ToDictionary(p => p.Tensor, p => p.File) });

    private static byte[] Header(long? length, string json, int data = 0)
    {
        var text = Encoding.UTF8.GetBytes(json);
        var bytes = new byte[8 + text.Length + data];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, length ?? text.Length);
        text.CopyTo(bytes, 8);
        return bytes;
    }

    private async Task RefusedQuicklyAsync(string says, byte[] weights)
    {
        var folder = new ModelFolder(_data) { Files = { ["model.safetensors"] = weights } };
        var files = await folder.SaveAsync();
        var clock = Stopwatch.StartNew();
        Refused(await InspectAsync(files), ErrorCodes.InvalidSafetensors, "model.safetensors", says);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"{clock.Elapsed} for a header of {weights.Length} bytes");
    }

    private static void Refused(InspectorReply reply, string code, string? field, string says)
    {
        Assert.NotNull(reply.Error);
        Assert.Contains(says, reply.Error.Message, StringComparison.Ordinal);
        Assert.Equal((code, field), (reply.Error.Code, reply.Error.Field));
    }

    private Task<InspectorReply> InspectAsync(IReadOnlyList<SourceFile> files) =>
        new InspectorLauncher(["dotnet", Path.Combine(AppContext.BaseDirectory, "FineTuneGrid.Inspector.dll")])
            .RunAsync(new InspectorRequest(_data.Access, InspectModel: new InspectModelRequest("m", files)));
}
