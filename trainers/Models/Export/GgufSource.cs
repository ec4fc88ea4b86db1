using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Storage;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Export;

/// <summary>
/// A base's GGUF file as a source of the published tensors: every change of form undone. So what was written can be loaded and compared.
/// Holds the last tensor that was asked for.
/// </summary>
public sealed class GgufSource : ITensorSource, IDisposable
{
    private readonly GgufFile _file;
    private readonly GgufPlan _plan;
    private readonly Dictionary<string, ParameterSpec> _specs;
    private string? _heldName;
    private Tensor? _held;

    /// <param name="file">Stays the caller's.</param>
    public GgufSource(GgufFile file, Architecture architecture)
    {
        _file = file;
        _plan = GgufPlan.Of(architecture);
        _specs = architecture.Parameters.ToDictionary(p => p.Name, StringComparer.Ordinal);
        if (file.Get<string>("general.architecture") != _plan.Family.Architecture)
            throw new GridException(ErrorCodes.InvalidModel, $"The file '{file.Name}' holds a model of another architecture.", "general.architecture");
        foreach (var planned in _plan.Tensors)
            if (!Stored(planned).Shape.SequenceEqual(planned.Shape))
                throw new GridException(ErrorCodes.InvalidModel, $"The file '{file.Name}' has {planned.Name} in another shape than the model.", planned.Name);
    }

    public IReadOnlyCollection<string> Names => _specs.Keys;

    public TensorInfo Describe(string name)
    {
        var planned = _plan.Holding(name).First();
        return new TensorInfo(planned.Form == GgufForm.PlusOne ? ScalarType.Float32 : GgufModel.ScalarOf(Stored(planned).Type), _specs[name].Shape);
    }

    public void Read(string name, long offset, Span<byte> destination)
    {
        if (_heldName != name)
        {
            _held?.Dispose();
            (_held, _heldName) = (Load(name), name);
        }
        using var scope = NewDisposeScope();
        var flat = _held!.view(-1);
        flat.narrow(0, offset / flat.ElementSize, destination.Length / flat.ElementSize).bytes.CopyTo(destination);
    }

    public void Dispose() => _held?.Dispose();

    private Tensor Load(string name)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        Tensor[] parts = [.. _plan.Holding(name).Select(p => GgufForms.Undo(p.Form, Own(p, name), _plan.Architecture))];
        return (parts.Length == 1 ? parts[0] : cat(parts, 1)).contiguous().DetachFromDisposeScope();
    }

    /// <summary>The part of a stored tensor that one published tensor became.</summary>
    private Tensor Own(GgufPlannedTensor planned, string name)
    {
        var stored = Stored(planned);
        var all = new Single(_file, stored);
        var whole = TensorBytes.Load(all, stored.Name);
        return planned.Stacked ? whole.select(0, planned.Sources.Index().First(s => s.Item == name).Index).contiguous() : whole;
    }

    private GgufTensor Stored(GgufPlannedTensor planned) => _file.Find(planned.Name)
        ?? throw new GridException(ErrorCodes.InvalidModel, $"The file '{_file.Name}' lacks {planned.Name}.", planned.Name);

    /// <summary>One stored tensor as it is.</summary>
    internal sealed class Single(GgufFile file, GgufTensor tensor) : ITensorSource
    {
        public IReadOnlyCollection<string> Names => [tensor.Name];

        public TensorInfo Describe(string name) => new(GgufModel.ScalarOf(tensor.Type), [.. tensor.Shape]);

        public void Read(string name, long offset, Span<byte> destination) => file.Read(tensor, offset, destination);
    }
}
