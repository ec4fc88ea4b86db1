using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Optim;
using FineTuneGrid.Storage;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Loading;

/// <summary>Mapped safetensors files as a source of tensors. Does not own the files.</summary>
public sealed class SafetensorsSource : ITensorSource
{
    private readonly IReadOnlyCollection<string> _names;
    private readonly Func<string, (SafetensorsFile File, SafetensorsTensor Tensor)> _find;

    public SafetensorsSource(SafetensorsFile file)
    {
        _names = [.. file.Header.Tensors.Select(t => t.Name)];
        _find = name => (file, file.Get(name));
    }

    public SafetensorsSource(SafetensorsModel model)
    {
        _names = model.Names;
        _find = name => model.TryGet(name, out var file, out var tensor)
            ? (file, tensor)
            : throw new GridException(ErrorCodes.InvalidModel, $"tensor {name} is missing.", name);
    }

    public IReadOnlyCollection<string> Names => _names;

    public TensorInfo Describe(string name) => Describe(_find(name).Tensor);

    public unsafe void Read(string name, long offset, Span<byte> destination)
    {
        var (file, tensor) = _find(name);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + destination.Length, tensor.Length);
        new ReadOnlySpan<byte>((byte*)file.AddressOf(tensor) + offset, destination.Length).CopyTo(destination);
        GC.KeepAlive(file);
    }

    /// <summary>Parameters as entries of a safetensors file, F32, in order of their names.</summary>
    public static IEnumerable<SafetensorsEntry> Entries(FlatParameters parameters) =>
        parameters.Slots.Select((slot, i) => new SafetensorsEntry(slot.Name, SafetensorsDtype.F32, slot.Shape, () => BytesOf(parameters.Leaf(i))));

    internal static TensorInfo Describe(SafetensorsTensor tensor) => new(TypeOf(tensor), [.. tensor.Shape]);

    private static ReadOnlyMemory<byte> BytesOf(Tensor parameter)
    {
        using var scope = NewDisposeScope();
        return parameter.detach().cpu().bytes.ToArray();
    }

    /// <summary>The name in a file of what a model's weights are in.</summary>
    internal static SafetensorsDtype DtypeOf(ScalarType type) => type switch
    {
        ScalarType.BFloat16 => SafetensorsDtype.BF16,
        ScalarType.Float16 => SafetensorsDtype.F16,
        ScalarType.Float64 => SafetensorsDtype.F64,
        ScalarType.Float32 => SafetensorsDtype.F32,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    private static ScalarType TypeOf(SafetensorsTensor tensor) => tensor.Dtype switch
    {
        SafetensorsDtype.F32 => ScalarType.Float32,
        SafetensorsDtype.BF16 => ScalarType.BFloat16,
        SafetensorsDtype.F16 => ScalarType.Float16,
        SafetensorsDtype.F64 => ScalarType.Float64,
        SafetensorsDtype.I64 => ScalarType.Int64,
        SafetensorsDtype.I32 => ScalarType.Int32,
        SafetensorsDtype.I16 => ScalarType.Int16,
        SafetensorsDtype.I8 => ScalarType.Int8,
        SafetensorsDtype.U8 => ScalarType.Byte,
        SafetensorsDtype.Bool => ScalarType.Bool,
        _ => throw new GridException(ErrorCodes.InvalidModel, $"tensor {tensor.Name} has dtype {tensor.Dtype.NameOf()}, which no model here has; save the model in fp32, bf16 or fp16.", tensor.Name),
    };
}
