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
        Assert.Equal(7, model.LinearModules.Count);
        Assert.Equal([new LinearModule("model.layers.0.mlp.down_proj", 16, 8), new LinearModule("model.layers.0.mlp.gate_proj", 8, 16)], model.LinearModules.Take(2));
        Assert.Equal((1000 * 8 * 2) + (3 * 8) + (4 * 64) + (3 * 128), model.Parameters);
        Assert.Equal(64, model.TokenizerDigest!.Length);
        Assert.Null(model.TemplateDigest);
    }

    [Fact]
    public async Task InspectModel_BareGpt2Folder_ListsItsLayersAsAdaptersNameThem()
    {
        var folder = new ModelFolder(_data);
        folder.Config["model_type"] = "gpt2";
        (folder.Config["n_embd"], folder.Config["n_head"], folder.Config["n_layer"], folder.Config["n_positions"]) = (8, 2, 1, 128);
        folder.Config["tie_word_embeddings"] = true;
        folder.Tensors.Clear();
        (folder.Tensors["wte.weight"], folder.Tensors["wpe.weight"]) = (ModelFolder.F32(1000, 8), ModelFolder.F32(128, 8));
        foreach (var norm in (string[])["ln_f", "h.0.ln_1", "h.0.ln_2"])
            (folder.Tensors[norm + ".weight"], folder.Tensors[norm + ".bias"]) = (ModelFolder.F32(8), ModelFolder.F32(8));
        foreach (var (name, inputs, outputs) in new[] { ("attn.c_attn", 8, 24), ("attn.c_proj", 8, 8), ("mlp.c_fc", 8, 32), ("mlp.c_proj", 32, 8) })
            (folder.Tensors[$"h.0.{name}.weight"], folder.Tensors[$"h.0.{name}.bias"]) = (ModelFolder.F32(inputs, outputs), ModelFolder.F32(outputs));
        var modules = (await InspectAsync(await folder.SaveAsync())).Model!.LinearModules;
        Assert.Equal([new("transformer.h.0.attn.c_attn", 8, 24), new("transformer.h.0.attn.c_proj", 8, 8), new("transformer.h.0.mlp.c_fc", 8, 32), new LinearModule("transformer.h.0.mlp.c_proj", 32, 8)], modules);
    }

    /// <summary>Heads for other tasks are no layers; a head over classes says which there are, unless it scores something else.</summary>
    [Theory]
    [InlineData("""{"id2label": {"0": "bad", "1": "good"}}""", "bad,good")]
    [InlineData("""{"id2label": {"0": "bad", "1": "good", "2": "more"}}""", "LABEL_0,LABEL_1")]
    [InlineData("{}", "LABEL_0,LABEL_1")]
    [InlineData("""{"problem_type": "multi_label_classification"}""", null)]
    public async Task InspectModel_BertFolder_ListsItsLayersAndClasses(string more, string? classes)
    {
        var folder = BertFolder();
        foreach (var (name, value) in System.Text.Json.Nodes.JsonNode.Parse(more)!.AsObject())
            folder.Config[name] = value!.DeepClone();
        var model = (await InspectAsync(await folder.SaveAsync())).Model!;
        Assert.Equal(["attention.output.dense", "attention.self.key", "attention.self.query", "attention.self.value", "intermediate.dense", "output.dense"],
            model.LinearModules.SkipLast(1).Select(m => m.Path["bert.encoder.layer.0.".Length..]));
        Assert.Equal("bert.pooler.dense", model.LinearModules[^1].Path);
        Assert.Equal(classes?.Split(','), model.Classes);
    }

    [Fact]
    public async Task InspectModel_BertFolderWithoutPoolerOrHead_IsTakenAsItIs()
    {
        var folder = BertFolder();
        foreach (var name in folder.Tensors.Keys.Where(n => n.StartsWith("bert.pooler.", StringComparison.Ordinal) || n.StartsWith("classifier.", StringComparison.Ordinal)).ToList())
            folder.Tensors.Remove(name);
        var model = (await InspectAsync(await folder.SaveAsync())).Model!;
        Assert.DoesNotContain(model.LinearModules, m => m.Path.Contains("pooler", StringComparison.Ordinal));
        Assert.Null(model.Classes);
    }

    private ModelFolder BertFolder()
    {
        var folder = new ModelFolder(_data);
        (folder.Config["model_type"], folder.Config["type_vocab_size"]) = ("bert", 2);
        folder.Tensors.Clear();
        foreach (var (name, rows) in new[] { ("word", 1000), ("position", 128), ("token_type", 2) })
            folder.Tensors[$"bert.embeddings.{name}_embeddings.weight"] = ModelFolder.F32(rows, 8);
        foreach (var norm in (string[])["embeddings", "encoder.layer.0.attention.output", "encoder.layer.0.output"])
            (folder.Tensors[$"bert.{norm}.LayerNorm.weight"], folder.Tensors[$"bert.{norm}.LayerNorm.bias"]) = (ModelFolder.F32(8), ModelFolder.F32(8));
        foreach (var (name, inputs, outputs) in new[]
        {
            ("bert.encoder.layer.0.attention.self.query", 8, 8), ("bert.encoder.layer.0.attention.self.key", 8, 8), ("bert.encoder.layer.0.attention.self.value", 8, 8),
            ("bert.encoder.layer.0.attention.output.dense", 8, 8), ("bert.encoder.layer.0.intermediate.dense", 8, 16), ("bert.encoder.layer.0.output.dense", 16, 8),
            ("bert.pooler.dense", 8, 8), ("cls.predictions.transform.dense", 8, 8), ("classifier", 8, 2),
        })
            (folder.Tensors[name + ".weight"], folder.Tensors[name + ".bias"]) = (ModelFolder.F32(outputs, inputs), ModelFolder.F32(outputs));
        return folder;
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
    [InlineData("config.json", """{"model_type":"llama","model_type":"x"}""", "config.json")]
    [InlineData("tokenizer.json", """{"model":{"type":"Trigram"}}""", "Trigram")]
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

    private Task<List<SourceFile>> ModelFilesAsync() => new ModelFolder(_data).SaveAsync();

    private async Task<SourceFile> WeightsAsync(string path, params (string Name, long[] Shape)[] tensors)
    {
        using var stream = new MemoryStream();
        await SafetensorsWriter.WriteAsync(stream, tensors.Select(t => new SafetensorsEntry(t.Name, SafetensorsDtype.F32, t.Shape, new byte[4 * t.Shape.Aggregate(1L, (a, b) => a * b)])));
        return await _data.AddAsync(path, stream.ToArray());
    }
}
