using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Shards.Tests.Support;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Shards.Tests;

/// <summary>Model and adapter folders, through the real child process.</summary>
public sealed class ModelInspectionTests : IDisposable
{
    private readonly DataFolder _data = new();

    [Fact]
    public async Task InspectModel_LlamaFolder_ListsItsLinearLayers()
    {
        var model = (await InspectAsync(await ModelFilesAsync())).Model!;
        Assert.Equal(("llama", 128, 1000, "F32"), (model.ModelType, model.ContextLength, model.VocabularySize, model.Dtype));
        Assert.Equal([new LinearModule("model.layers.0.mlp.down_proj", 16, 8), new LinearModule("model.layers.0.self_attn.q_proj", 8, 8)], model.LinearModules);
        Assert.Equal((1000 * 8 * 2) + 8 + 64 + 128, model.Parameters);
        Assert.Equal(64, model.TokenizerDigest!.Length);
        Assert.Null(model.TemplateDigest);
    }

    [Fact]
    public async Task InspectModel_BareGpt2Folder_ListsItsLayersAsAdaptersNameThem()
    {
        List<SourceFile> files =
        [
            .. (await _data.AddModelAsync()).Files,
            await _data.AddAsync("config.json", """{"model_type":"gpt2","vocab_size":1000,"n_positions":128}"""),
            await WeightsAsync("model.safetensors", ("wte.weight", [1000, 8]), ("wpe.weight", [128, 8]), ("ln_f.weight", [8]), ("h.0.attn.c_attn.weight", [8, 24])),
        ];
        Assert.Equal([new LinearModule("transformer.h.0.attn.c_attn", 8, 24)], (await InspectAsync(files)).Model!.LinearModules);
    }

    [Fact]
    public async Task InspectModel_TokenizerAlone_IsATokenizer()
    {
        var files = (await _data.AddModelAsync()).Files;
        var model = (await InspectAsync(files)).Model!;
        Assert.Equal(("tokenizer", 0L), (model.ModelType, model.Parameters));
        Assert.Empty(model.LinearModules);
    }

    [Theory]
    [InlineData("config.json", """{"vocab_size":300}""", "model_type")]
    [InlineData("config.json", """{"model_type":"llama"}""", "vocab_size")]
    [InlineData("config.json", """{"model_type":"nonesuch","vocab_size":300}""", "'nonesuch', which is not supported; supported are bloom, codegen")]
    [InlineData("config.json", """{"model_type":"llama","model_type":"x"}""", "config.json")]
    [InlineData("tokenizer.json", """{"model":{"type":"Trigram"}}""", "Trigram")]
    [InlineData("tokenizer_config.json", """{"chat_template":"{% for %}"}""", "chat template")]
    [InlineData("model.safetensors", "hello", "safetensors")]
    public async Task InspectModel_BadFile_IsNamed(string path, string content, string named)
    {
        var files = (await ModelFilesAsync()).Where(f => f.Path != path).Append(await _data.AddAsync(path, content)).ToList();
        var error = (await InspectAsync(files)).Error!;
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task InspectModel_NoWeights_SaysWhatIsRead()
    {
        var files = (await ModelFilesAsync()).Where(f => f.Path != "model.safetensors").ToList();
        Assert.Contains("safetensors format only", (await InspectAsync(files)).Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task InspectAdapter_FittingTheBase_IsDescribed()
    {
        var model = (await InspectAsync(await ModelFilesAsync())).Model!;
        var reply = await AdapterAsync(model, ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", [4, 8]), ("base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight", [8, 4]));
        Assert.Null(reply.Error);
        Assert.Equal((4, 8.0, 64L), (reply.Adapter!.Rank, reply.Adapter.Alpha, reply.Adapter.Parameters));
        Assert.Equal(["q_proj"], reply.Adapter.TargetModules);
    }

    [Fact]
    public async Task InspectAdapter_OfAnotherBase_IsRefused()
    {
        var model = (await InspectAsync(await ModelFilesAsync())).Model!;
        var shape = await AdapterAsync(model, ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", [4, 9]), ("base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight", [8, 4]));
        Assert.Contains("9 to 8", shape.Error!.Message, StringComparison.Ordinal);
        var name = await AdapterAsync(model, ("base_model.model.model.layers.7.self_attn.q_proj.lora_A.weight", [4, 8]), ("base_model.model.model.layers.7.self_attn.q_proj.lora_B.weight", [8, 4]));
        Assert.Contains("another base", name.Error!.Message, StringComparison.Ordinal);
        var half = await AdapterAsync(model, ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", [4, 8]));
        Assert.Contains("no lora_B", half.Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task InspectAdapter_Pickle_IsRefused()
    {
        var file = await _data.AddAsync("adapter_model.bin", "x");
        var reply = await Launcher().RunAsync(new InspectorRequest(_data.Access, InspectAdapter: new InspectAdapterRequest([file], null)));
        Assert.Contains("pickle", reply.Error!.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _data.Dispose();

    private static InspectorLauncher Launcher() => new(["dotnet", Path.Combine(AppContext.BaseDirectory, "FineTuneGrid.Inspector.dll")]);

    private Task<InspectorReply> InspectAsync(IReadOnlyList<SourceFile> files) =>
        Launcher().RunAsync(new InspectorRequest(_data.Access, InspectModel: new InspectModelRequest("m", files)));

    private async Task<InspectorReply> AdapterAsync(ModelManifest model, params (string Name, long[] Shape)[] tensors)
    {
        var config = await _data.AddAsync("adapter_config.json", JsonSerializer.SerializeToUtf8Bytes(new { peft_type = "LORA", r = 4, lora_alpha = 8, target_modules = new[] { "q_proj" } }));
        var weights = await WeightsAsync("adapter_model.safetensors", tensors);
        return await Launcher().RunAsync(new InspectorRequest(_data.Access, InspectAdapter: new InspectAdapterRequest([config, weights], model)));
    }

    private async Task<List<SourceFile>> ModelFilesAsync() =>
    [
        .. (await _data.AddModelAsync()).Files,
        await _data.AddAsync("config.json", """{"model_type":"llama","vocab_size":1000,"max_position_embeddings":128}"""),
        await WeightsAsync("model.safetensors", ("model.embed_tokens.weight", [1000, 8]), ("lm_head.weight", [1000, 8]), ("model.norm.weight", [8]),
            ("model.layers.0.self_attn.q_proj.weight", [8, 8]), ("model.layers.0.mlp.down_proj.weight", [8, 16])),
    ];

    private async Task<SourceFile> WeightsAsync(string path, params (string Name, long[] Shape)[] tensors)
    {
        using var stream = new MemoryStream();
        await SafetensorsWriter.WriteAsync(stream, tensors.Select(t => new SafetensorsEntry(t.Name, SafetensorsDtype.F32, t.Shape, new byte[4 * t.Shape.Aggregate(1L, (a, b) => a * b)])));
        return await _data.AddAsync(path, stream.ToArray());
    }
}
