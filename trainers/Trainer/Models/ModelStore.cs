using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Jobs;
using FineTuneGrid.Contracts.Models;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Config;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Storage;
using FineTuneGrid.Trainer.Training;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Models;

/// <summary>Loads models and adapters from the blob store; keeps one frozen base resident.</summary>
internal sealed class ModelStore(IBlobStore store, Device device) : IDisposable
{
    private CausalLm? _resident;
    private string? _residentKey;

    public Device Device => device;

    /// <summary>What the order trains, at its very beginning.</summary>
    public Trainee Open(TrainingOrder order)
    {
        var spec = order.Spec;
        var classes = order.Train.Classes;
        if (!spec.Method.IsFull)
        {
            var model = Resident(order.Model ?? throw Missing("base_model"), order.Resolved.Precision, spec.Method.IsNf4, classes);
            return Trainee.OfAdapter(model, NewAdapter(model, order));
        }
        if (spec.BaseModelInit() is { } init)
        {
            var made = ModelFamilies.Create(ModelConfig.From(init.Init));
            var architecture = classes is null ? made : Classifiers.Of(made, null, classes);
            return Trainee.OfModel(new CausalLm(architecture, ModelWeights.Random(architecture, spec.Optimizer.Seed, device)));
        }
        var manifest = order.Model ?? throw Missing("base_model");
        var known = classes is null ? ArchitectureOf(manifest) : Classifiers.Of(ArchitectureOf(manifest), manifest, classes);
        using var tensors = Weights(manifest);
        return Trainee.OfModel(new CausalLm(known, WeightLoader.LoadTrainable(known, tensors, device, spec.Optimizer.Seed)));
    }

    /// <summary>A base, with an adapter or without, to be tried: it tells classes where the adapter does, or the base has a head of its own.</summary>
    public (CausalLm Model, LoraAdapter? Adapter) Subject(ModelManifest manifest, IReadOnlyList<SourceFile>? adapter)
    {
        var classes = adapter is null ? manifest.Classes : ClassesOf(adapter);
        if (classes is null && ModelTypes.IsEncoder(manifest.ModelType))
            throw new GridException(ErrorCodes.UnsupportedModel, "The model is an encoder without a head of its own: it writes no text, and only an adapter makes it tell classes.", "model");
        var model = Resident(manifest, "fp32", quantize: false, classes);
        return (model, adapter is null ? null : ReadAdapter(model.Architecture, adapter));
    }

    /// <summary>The frozen base, loaded at its first use; jobs with other classes share it.</summary>
    /// <exception cref="GridException"><c>conflict</c>: the session holds another base.</exception>
    private CausalLm Resident(ModelManifest manifest, string precision, bool quantize, IReadOnlyList<string>? classes)
    {
        if (classes is null) return Resident(manifest, precision, quantize, () => ArchitectureOf(manifest), "");
        var body = ArchitectureOf(manifest);
        // What is shared holds the base's own head, if any; which classes there are is each job's own affair.
        var shared = Resident(manifest, precision, quantize, () => Classifiers.Of(body, manifest, manifest.Classes ?? classes), "/classes");
        return new CausalLm(Classifiers.Of(body, manifest, classes), shared.Weights);
    }

    private CausalLm Resident(ModelManifest manifest, string precision, bool quantize, Func<Architecture> create, string kind)
    {
        var key = $"{manifest.Digest}/{precision}/{quantize}{kind}";
        if (_resident is not null)
        {
            return _residentKey == key
                ? _resident
                : throw new GridException(ErrorCodes.Unavailable, "The session holds another base model; the job needs a session of its own.");
        }
        var architecture = create();
        using var tensors = Weights(manifest);
        var compute = precision == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32;
        _resident = new CausalLm(architecture, WeightLoader.Load(architecture, tensors, compute, device, quantize));
        _residentKey = key;
        return _resident;
    }

    public LoraAdapter ReadAdapter(Architecture architecture, IReadOnlyList<SourceFile> files)
    {
        var config = Bytes(Find(files, "adapter_config.json"));
        using var tensors = Wait(SourceTensors.OpenAsync(store, files, SafetensorsProfile.Adapter));
        return PeftAdapter.Read(architecture, config, tensors, device);
    }

    public byte[] Bytes(SourceFile file)
    {
        var read = Wait(store.ReadAllBytesAsync(file.Key));
        return read?.Bytes ?? throw new GridException(ErrorCodes.NotFound, $"The file '{file.Path}' is missing from the blob store.", file.Path);
    }

    /// <summary>The model whose config this is. Loads nothing else.</summary>
    public Architecture ArchitectureOf(ModelManifest manifest) => ModelFamilies.Create(ModelConfig.Parse(Bytes(Find(manifest.Files, "config.json"))));

    /// <summary>The model's published tensors.</summary>
    public SourceTensors Weights(ModelManifest manifest) =>
        Wait(SourceTensors.OpenAsync(store, Wait(StoredWeights.FilesAsync(store, manifest.Files)), SafetensorsProfile.Model));

    /// <summary>Frees the base; another may be loaded then.</summary>
    public void Release()
    {
        _resident?.Dispose();
        (_resident, _residentKey) = (null, null);
    }

    public void Dispose() => Release();

    internal static SourceFile Find(IReadOnlyList<SourceFile> files, string path) =>
        files.FirstOrDefault(f => f.Path == path) ?? throw new GridException(ErrorCodes.NotFound, $"There is no file '{path}'.", path);

    private IReadOnlyList<string>? ClassesOf(IReadOnlyList<SourceFile> adapter)
    {
        if (!adapter.Any(f => f.Path == ClassNames.FileName)) return null;
        using var json = JsonDocument.Parse(Bytes(Find(adapter, ClassNames.FileName)));
        return ClassNames.Read(json.RootElement) ?? throw new GridException(ErrorCodes.InvalidAdapter, $"{ClassNames.FileName} names no classes.", ClassNames.FileName);
    }

    /// <summary>A new adapter, or the parent's factors under this job's plan, which must have the same shape.</summary>
    private LoraAdapter NewAdapter(CausalLm model, TrainingOrder order)
    {
        var plan = LoraPlan.Resolve(model.Architecture, LoraSpec.From(order.Spec.Method));
        if (order.InitAdapter is not { } files) return LoraAdapter.Create(plan, order.Spec.Optimizer.Seed, device, model.Weights);
        using var tensors = Wait(SourceTensors.OpenAsync(store, files, SafetensorsProfile.Adapter));
        PeftAdapter.Check(plan, tensors);
        var adapter = LoraAdapter.Empty(plan, device);
        foreach (var slot in adapter.Parameters.Slots)
        {
            using var values = TensorBytes.Load(tensors, slot.Name);
            adapter.Parameters.Set(slot.Name, values);
        }
        return adapter;
    }

    private static GridException Missing(string field) => new(ErrorCodes.InvalidRequest, "The order names no base model.", field);

    /// <summary>The steps' thread owns the tensors and may wait.</summary>
    private static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();
}
