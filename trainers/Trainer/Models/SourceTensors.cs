using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Storage;
using TorchSharp;

namespace FineTuneGrid.Trainer.Models;

/// <summary>The tensors of some safetensors files in the blob store, mapped into memory.</summary>
internal sealed class SourceTensors : ITensorSource, IDisposable
{
    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, (SafetensorsFile File, SafetensorsTensor Tensor)> _tensors = new(StringComparer.Ordinal);

    private SourceTensors()
    {
    }

    public IReadOnlyCollection<string> Names => _tensors.Keys;

    /// <exception cref="GridException"><c>not_found</c>, <c>invalid_safetensors</c>.</exception>
    public static async Task<SourceTensors> OpenAsync(IBlobStore store, IEnumerable<(string Name, string Key)> files, SafetensorsProfile profile)
    {
        var source = new SourceTensors();
        try
        {
            foreach (var (name, key) in files)
                source.Add(await OpenFileAsync(store, name, key, profile));
            return source;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>The weight files of a model or adapter.</summary>
    public static Task<SourceTensors> OpenAsync(IBlobStore store, IReadOnlyList<SourceFile> files, SafetensorsProfile profile) =>
        OpenAsync(store, files.Where(f => f.Path.EndsWith(".safetensors", StringComparison.Ordinal)).Select(f => (f.Path, f.Key)), profile);

    public TensorInfo Describe(string name)
    {
        var (_, tensor) = Get(name);
        return new TensorInfo(TypeOf(tensor), [.. tensor.Shape]);
    }

    public unsafe void Read(string name, long offset, Span<byte> destination)
    {
        var (file, tensor) = Get(name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + destination.Length, tensor.Length, nameof(offset));
        new ReadOnlySpan<byte>((byte*)file.AddressOf(tensor) + offset, destination.Length).CopyTo(destination);
    }

    public void Dispose()
    {
        foreach (var file in _files) file.Dispose();
    }

    private static async Task<SafetensorsFile> OpenFileAsync(IBlobStore store, string name, string key, SafetensorsProfile profile)
    {
        using var local = await store.OpenLocalAsync(key) ?? throw new GridException(ErrorCodes.NotFound, $"The file '{name}' is missing from the blob store.", name);
        return SafetensorsFile.Open(local.Handle, name, profile);
    }

    private void Add(SafetensorsFile file)
    {
        _files.Add(file);
        foreach (var tensor in file.Header.Tensors)
            if (!_tensors.TryAdd(tensor.Name, (file, tensor)))
                throw new GridException(ErrorCodes.InvalidSafetensors, $"Two files hold the tensor '{tensor.Name}'.", file.Name);
    }

    private (SafetensorsFile File, SafetensorsTensor Tensor) Get(string name) => _tensors.TryGetValue(name, out var found)
        ? found
        : throw new GridException(ErrorCodes.InvalidSafetensors, $"The weights have no tensor '{name}'.", name);

    private static torch.ScalarType TypeOf(SafetensorsTensor tensor) => tensor.Dtype switch
    {
        SafetensorsDtype.Bool => torch.ScalarType.Bool,
        SafetensorsDtype.U8 => torch.ScalarType.Byte,
        SafetensorsDtype.I8 => torch.ScalarType.Int8,
        SafetensorsDtype.I16 => torch.ScalarType.Int16,
        SafetensorsDtype.F16 => torch.ScalarType.Float16,
        SafetensorsDtype.BF16 => torch.ScalarType.BFloat16,
        SafetensorsDtype.I32 => torch.ScalarType.Int32,
        SafetensorsDtype.F32 => torch.ScalarType.Float32,
        SafetensorsDtype.F64 => torch.ScalarType.Float64,
        SafetensorsDtype.I64 => torch.ScalarType.Int64,
        _ => throw new GridException(ErrorCodes.InvalidSafetensors, $"The tensor '{tensor.Name}' has the type {tensor.Dtype.NameOf()}, which weights cannot have.", tensor.Name),
    };
}
