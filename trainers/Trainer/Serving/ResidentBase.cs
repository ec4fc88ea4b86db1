using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Trainer.Models;
using FineTuneGrid.Trainer.Tasks;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Serving;

/// <summary>A base model that stays in memory, with its tokenizer and the adapters that questions bring.</summary>
internal sealed class ResidentBase(Device device) : IDisposable
{
    private const int MostAdapters = 64;
    private const long MostAdapterParameters = 512L << 20; // 2 GiB in fp32.

    private readonly AdapterCache _adapters = new(MostAdapters, MostAdapterParameters);
    private ModelStore? _store;
    private PromptReader? _reader;
    private CausalLm? _model;
    private string? _digest;

    public CausalLm Model => _model ?? throw new InvalidOperationException("no question has loaded the base yet");

    /// <summary>A question worked out. The base is loaded with the first.</summary>
    /// <returns>The answer that grows, and what is to be done when it is no longer needed.</returns>
    /// <exception cref="GridException">What is wrong with the question, the model or the adapter.</exception>
    public (Answer Answer, Action Release) Open(TrainerTask task)
    {
        var completion = task.Completion ?? throw new GridException(ErrorCodes.InvalidRequest, "A resident base answers completions only.");
        if (task.Model.Classes is not null || task.Adapter?.Any(f => f.Path == ClassNames.FileName) == true)
            throw new GridException(ErrorCodes.UnsupportedModel, "The model classifies texts and writes none; ask for classes instead of completions.", "model");
        // Each question brings access of its own, which may end before the process does.
        var files = new ModelStore(task.Blobs.Open(), device);
        Load(task.Model, files);
        if (task.Adapter is not { } adapter) return (new Answer(Model, null, _reader!, completion), static () => { });
        var key = AdapterCache.KeyOf(adapter);
        var read = _adapters.Rent(key, () => files.ReadAdapter(Model.Architecture, adapter));
        try
        {
            return (new Answer(Model, read, _reader!, completion), () => _adapters.Return(key));
        }
        catch
        {
            _adapters.Return(key);
            throw;
        }
    }

    public void Dispose()
    {
        _adapters.Dispose();
        _store?.Dispose();
    }

    private void Load(ModelManifest manifest, ModelStore files)
    {
        if (_model is not null)
        {
            if (_digest != manifest.Digest) throw new GridException(ErrorCodes.Conflict, "Another base model is resident here.", "model");
            return;
        }
        var (model, _) = files.Subject(manifest, null);
        (_model, _store, _digest, _reader) = (model, files, manifest.Digest, new PromptReader(files, manifest));
        Console.WriteLine(LogLine.Session($"resident: {manifest.ModelType} with {manifest.Parameters} parameters, {manifest.Digest}"));
    }
}
