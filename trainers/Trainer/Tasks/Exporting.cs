using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Exports;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Export;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Storage;
using FineTuneGrid.Text;
using FineTuneGrid.Trainer.Models;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary>
/// Writes a model or adapter in another format, reads back what was written, and holds its logits against the live one's. What differs by
/// more than rounding is not kept. The live model's weights leave memory before the written ones come.
/// </summary>
internal sealed class Exporting(IBlobStore store, ModelStore models, TrainerTask task, ExportTask export, string folder, Action guard)
{
    /// <summary>Of one file of a merged model, as published models have them.</summary>
    public const long MaxFileBytes = 5_000_000_000;

    private const string GgufModelFile = "model.gguf";
    private const string GgufAdapterFile = "adapter.gguf";

    private readonly Architecture _architecture = models.ArchitectureOf(task.Model);
    private readonly PromptReader _reader = new(models, task.Model);
    private readonly ExportStore _place = new(store, export.Prefix, guard);
    private readonly string _target = Path.Combine(folder, "export");

    /// <exception cref="GridException">
    /// <c>unsupported_model</c>: the format has no place for it; <c>invalid_value</c>: no such format or dtype; <c>internal_error</c>: what was
    /// written is not the same model, with the figure.
    /// </exception>
    public async Task<ExportRecord> RunAsync(TimeProvider time)
    {
        var started = time.GetTimestamp();
        Check();
        using var scope = NewDisposeScope();
        using var adapter = task.Adapter is { } files ? models.ReadAdapter(_architecture, files) : null;
        if (adapter is { Plan.Saved.Count: > 0 })
            throw new GridException(ErrorCodes.UnsupportedModel, "The adapter holds modules that were trained whole (modules_to_save), which only PEFT's own format has a place for: use --format peft.", "format");
        var text = export.Text is null ? HeldOutText.BuiltIn(_reader, _architecture) : HeldOutText.Of(store, export, _architecture);
        _place.Report("running the live model", 0);
        var live = ExportParity.Logits(models.Subject(task.Model, null).Model, adapter, text.Sequences);
        models.Release();
        Directory.CreateDirectory(_target);
        var notes = await WriteAsync(adapter);
        var (parity, type) = Compare(live, adapter, text);
        parity.Require(type);
        var report = new ExportReport(
            export.Subject, export.Format, DtypeOf(type), task.Model.Digest,
            new ExportParityView(text.Name, parity.Tokens, parity.MaxLogitDifference, parity.LargestLogit, parity.TopOneAgreement), notes, time.GetElapsedTime(started).TotalSeconds);
        await File.WriteAllBytesAsync(Path.Combine(_target, ExportReport.FileName), JsonSerializer.SerializeToUtf8Bytes(report, GridJson.Indented));
        return await _place.PublishAsync(_target, report);
    }

    private void Check()
    {
        if (task.Adapter is { } files && files.Any(f => f.Path == ClassNames.FileName))
            throw new GridException(ErrorCodes.UnsupportedModel, "A classifier's adapter has no export beside the PEFT folder: use --format peft.", "format");
        if (export.Dtype is { } dtype && (!ExportFormats.Dtypes.Contains(dtype) || export.Format != ExportFormats.Gguf || task.Adapter is not null))
            throw new GridException(ErrorCodes.InvalidValue, $"dtype may be {string.Join(", ", ExportFormats.Dtypes)}, for a base model as GGUF; other exports keep theirs.", "dtype");
        switch (export.Format)
        {
            case ExportFormats.Gguf:
                GgufModel.Check(_architecture);
                break;
            case ExportFormats.Merged when task.Adapter is not null:
                break;
            default:
                throw new GridException(ErrorCodes.InvalidValue, $"There is no export of format '{export.Format}' for this.", "format");
        }
    }

    private async Task<IReadOnlyList<string>> WriteAsync(LoraAdapter? adapter)
    {
        if (export.Format == ExportFormats.Merged) return await WriteMergedAsync(adapter!);
        await using var file = File.Create(Path.Combine(_target, adapter is null ? GgufModelFile : GgufAdapterFile));
        if (adapter is not null)
        {
            GgufAdapter.Write(file, _architecture, export.Subject, adapter);
            return [$"llama.cpp adds it to the base model as GGUF: llama-cli -m {GgufModelFile} --lora {GgufAdapterFile}. The base is written by: ftg model export NAME DIR --format gguf"];
        }
        using var tensors = models.Weights(task.Model);
        var texts = task.Model.Files.Where(f => ModelText.FileNames.Contains(f.Path))
            .ToDictionary(f => f.Path, f => new ReadOnlyMemory<byte>(models.Bytes(f)), StringComparer.Ordinal);
        var vocabulary = GgufVocabulary.Read(texts, _reader.TemplateText, _architecture.VocabSize);
        return GgufModel.Write(file, _architecture, export.Subject, tensors, vocabulary, TypeOf(export.Dtype), (done, all) => _place.Report("writing", (double)done / all));
    }

    private async Task<IReadOnlyList<string>> WriteMergedAsync(LoraAdapter adapter)
    {
        using var tensors = models.Weights(task.Model);
        await MergedModel.WriteAsync(_target, _architecture, tensors, adapter, MaxFileBytes, (done, all) => _place.Report("merging", (double)done / all));
        foreach (var file in task.Model.Files.Where(IsBeside))
            await File.WriteAllBytesAsync(Path.Combine(_target, Path.GetFileName(file.Path)), models.Bytes(file));
        return ["The adapter's part was added to the base's own weights, also where it was trained on quantised ones: those are what servers and this grid run it on."];
    }

    /// <summary>What a model folder has beside its weights; its README tells of the base.</summary>
    private static bool IsBeside(SourceFile file) =>
        !file.Path.EndsWith(".safetensors", StringComparison.Ordinal) && file.Path is not (SafetensorsIndex.FileName or "README.md" or ExportReport.FileName);

    /// <summary>Loads what lies in the folder and compares.</summary>
    private (ExportParity Parity, ScalarType Type) Compare(IReadOnlyList<Tensor> live, LoraAdapter? adapter, HeldOutText text)
    {
        _place.Report("measuring what was written", 0);
        if (export.Format == ExportFormats.Merged)
        {
            using var folder = SafetensorsModel.OpenFolder(_target);
            var source = new SafetensorsSource(folder);
            var parsed = ModelFamilies.Create(FineTuneGrid.Models.Config.ModelConfig.Parse(File.ReadAllBytes(Path.Combine(_target, "config.json"))));
            using var merged = new CausalLm(parsed, WeightLoader.Load(parsed, source, device: models.Device));
            return (ExportParity.Measure(live, merged, null, text.Sequences), Coarsest(source));
        }
        using var file = GgufFile.Open(Path.Combine(_target, adapter is null ? GgufModelFile : GgufAdapterFile));
        if (adapter is not null)
        {
            using var read = GgufAdapter.Read(file, _architecture, adapter.Plan, models.Device);
            return (ExportParity.Measure(live, models.Subject(task.Model, null).Model, read, text.Sequences), ScalarType.Float32);
        }
        using var tensors = new GgufSource(file, _architecture);
        using var written = new CausalLm(_architecture, WeightLoader.Load(_architecture, tensors, device: models.Device));
        return (ExportParity.Measure(live, written, null, text.Sequences), Coarsest(tensors));
    }

    private static ScalarType Coarsest(ITensorSource source)
    {
        var types = source.Names.Select(n => source.Describe(n).Type).ToHashSet();
        return types.Contains(ScalarType.BFloat16) ? ScalarType.BFloat16 : types.Contains(ScalarType.Float16) ? ScalarType.Float16 : ScalarType.Float32;
    }

    private static GgufType? TypeOf(string? dtype) => dtype switch
    {
        "f32" => GgufType.F32,
        "f16" => GgufType.F16,
        "bf16" => GgufType.BF16,
        _ => null,
    };

    private static string DtypeOf(ScalarType type) => type switch
    {
        ScalarType.BFloat16 => "bf16",
        ScalarType.Float16 => "f16",
        _ => "f32",
    };
}
