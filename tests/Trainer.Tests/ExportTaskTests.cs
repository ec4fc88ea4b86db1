using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Exports;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Export;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Storage;
using FineTuneGrid.TrainerSupport;

namespace FineTuneGrid.Trainer.Tests;

/// <summary>Export tasks as a node runs them: the program, its reply, and what lies in the store.</summary>
public sealed class ExportTaskTests : IDisposable
{
    private const string Prefix = "adapters/a/1/exports/test/";

    private readonly TestStore _store = new();
    private readonly ModelManifest _sample;

    public ExportTaskTests() => _sample = _store.AddModel("sample", "llama", "sample");

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task Merged_OfAnAdapter_IsAWholeFolderWithItsMeasure()
    {
        var reply = await RunAsync(_sample, await AdapterAsync(new LoraSpec { Rank = 4, Alpha = 8 }), "merged");

        Assert.Null(reply.Error);
        var record = reply.Export!;
        Assert.Equal(["config.json", "export.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"], record.Files.Select(f => f.Path));
        Assert.Equal(("merged", "f32", "built-in", 1.0), (record.Report.Format, record.Report.Dtype, record.Report.Parity.Text, record.Report.Parity.TopOneAgreement));
        Assert.InRange(record.Report.Parity.MaxLogitDifference, 1e-9, 1e-3);
        Assert.InRange(record.Report.Parity.Tokens, 200, 2000);
        foreach (var file in record.Files)
            Assert.Equal(file.Sha256, await _store.Blobs.Sha256Async(file.Key));
        var stored = await _store.Blobs.ReadJsonAsync<ExportRecord>(Prefix + ExportRecord.FileName, GridJson.Options);
        Assert.Equal(record.Files, stored!.Value.Value.Files);
        Assert.Null(await _store.Blobs.StatAsync(Prefix + ExportProgress.FileName));
    }

    [Theory]
    [InlineData(null, "f32", 0, 1e-6)]
    [InlineData("f16", "f16", 1e-6, 0.2)]
    [InlineData("bf16", "bf16", 1e-4, 1)]
    public async Task Gguf_OfABase_HasItsTokenizerAndIsMeasured(string? dtype, string said, double least, double most)
    {
        var reply = await RunAsync(_sample, null, "gguf", dtype);

        Assert.Null(reply.Error);
        Assert.Equal(["export.json", "model.gguf"], reply.Export!.Files.Select(f => f.Path));
        Assert.Equal(said, reply.Export.Report.Dtype);
        Assert.InRange(reply.Export.Report.Parity.MaxLogitDifference, least, most);
        using var local = await _store.Blobs.OpenLocalAsync(reply.Export.Files[1].Key);
        using var file = GgufFile.Open(local!.Path);
        Assert.Equal(("llama", "gpt2", "gpt-2", 640), (file.Get<string>("general.architecture"), file.Get<string>("tokenizer.ggml.model"), file.Get<string>("tokenizer.ggml.pre"), file.Get<string[]>("tokenizer.ggml.tokens").Length));
        Assert.Equal((uint)0, file.Get<uint>("tokenizer.ggml.eos_token_id"));
        Assert.Equal(3, file.Get<int[]>("tokenizer.ggml.token_type")[0]);
    }

    [Fact]
    public async Task Gguf_OfARankStabilisedAdapter_ScalesAsItWasTrained()
    {
        var reply = await RunAsync(_sample, await AdapterAsync(new LoraSpec { Rank = 4, Alpha = 8, RsLora = true }), "gguf");

        Assert.Null(reply.Error);
        Assert.Equal(["adapter.gguf", "export.json"], reply.Export!.Files.Select(f => f.Path));
        Assert.Equal(1, reply.Export.Report.Parity.TopOneAgreement);
        using var local = await _store.Blobs.OpenLocalAsync(reply.Export.Files[0].Key);
        using var file = GgufFile.Open(local!.Path);
        Assert.Equal(16, file.Get<float>("adapter.lora.alpha"), 1e-5);
        Assert.Equal([4, 128], file.Find("blk.0.attn_q.weight.lora_a")!.Shape);
        Assert.Equal([64, 4], file.Find("blk.3.attn_k.weight.lora_b")!.Shape);
    }

    [Theory]
    [InlineData("gguf", null, true, ErrorCodes.UnsupportedModel, "use_dora")]
    [InlineData("onnx", null, false, ErrorCodes.InvalidValue, "format")]
    [InlineData("gguf", "f16", false, ErrorCodes.InvalidValue, "dtype")]
    public async Task Export_OfWhatTheFormatHasNoPlaceFor_IsRefusedAndLeavesNoRecord(string format, string? dtype, bool dora, string code, string field)
    {
        var reply = await RunAsync(_sample, await AdapterAsync(new LoraSpec { Rank = 4, Alpha = 8, Dora = dora }), format, dtype);

        Assert.Equal((code, field), (reply.Error?.Code, reply.Error?.Field));
        Assert.Null(await _store.Blobs.StatAsync(Prefix + ExportRecord.FileName));
    }

    /// <summary>A random adapter for the sample model, stored as a version's files are.</summary>
    private async Task<IReadOnlyList<SourceFile>> AdapterAsync(LoraSpec spec)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "sample");
        var architecture = ModelFamilies.Create(ModelConfig.Parse(await File.ReadAllBytesAsync(Path.Combine(folder, "config.json"))));
        using var weights = SafetensorsModel.OpenFolder(folder);
        using var loaded = WeightLoader.Load(architecture, new SafetensorsSource(weights));
        using var adapter = LoraAdapter.Create(LoraPlan.Resolve(architecture, spec), 3, weights: loaded);
        foreach (var module in adapter.Plan.Modules)
            adapter.Parameters.FillNormal(module.NameB, 5, 0.05);
        using var tensors = new MemoryStream();
        await SafetensorsWriter.WriteAsync(tensors, SafetensorsSource.Entries(adapter.Parameters), SafetensorsWriter.AdapterMetadata);
        return [await PutAsync("adapter_config.json", PeftConfig.Write(adapter.Plan, "sample")), await PutAsync("adapter_model.safetensors", tensors.ToArray())];
    }

    private async Task<SourceFile> PutAsync(string path, byte[] bytes)
    {
        await _store.Blobs.WriteBytesAsync($"adapters/a/1/{path}", bytes);
        return new SourceFile(path, $"adapters/a/1/{path}", bytes.Length, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes)));
    }

    private async Task<TrainerTaskReply> RunAsync(ModelManifest model, IReadOnlyList<SourceFile>? adapter, string format, string? dtype = null)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_store.Root, "task")).FullName;
        var (file, reply) = (Path.Combine(folder, "task.json"), Path.Combine(folder, "reply.json"));
        var task = new TrainerTask("task-x", _store.Access, "cpu", 1, model, adapter, Export: new ExportTask(format, dtype, "team/test@1", Prefix));
        await File.WriteAllBytesAsync(file, GridJson.ToBytes(task));
        var (_, output, errors) = await TrainerProgram.RunAsync("task", file, reply);
        return File.Exists(reply) ? GridJson.Parse<TrainerTaskReply>(await File.ReadAllBytesAsync(reply)) : throw new InvalidOperationException(output + errors);
    }
}
