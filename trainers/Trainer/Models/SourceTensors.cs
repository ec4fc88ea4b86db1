using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Trainer.Models;

/// <summary>The tensors of a model's or adapter's safetensors files in the blob store, mapped into memory.</summary>
internal sealed class SourceTensors : ITensorSource, IDisposable
{
    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, SafetensorsSource> _sources = new(StringComparer.Ordinal);

    private SourceTensors()
    {
    }

    public IReadOnlyCollection<string> Names => _sources.Keys;

    /// <exception cref="GridException"><c>not_found</c>, <c>invalid_safetensors</c>.</exception>
    public static async Task<SourceTensors> OpenAsync(IBlobStore store, IReadOnlyList<SourceFile> files, SafetensorsProfile profile)
    {
        var source = new SourceTensors();
        try
        {
            foreach (var file in files.Where(f => f.Path.EndsWith(".safetensors", StringComparison.Ordinal)))
            {
                using var local = await store.OpenLocalAsync(file.Key)
                    ?? throw new GridException(ErrorCodes.NotFound, $"The file '{file.Path}' is missing from the blob store.", file.Path);
                source.Add(SafetensorsFile.Open(local.Handle, file.Path, profile));
            }
            return source;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    public TensorInfo Describe(string name) => Get(name).Describe(name);

    public void Read(string name, long offset, Span<byte> destination) => Get(name).Read(name, offset, destination);

    public void Dispose()
    {
        foreach (var file in _files) file.Dispose();
    }

    private void Add(SafetensorsFile file)
    {
        _files.Add(file);
        var source = new SafetensorsSource(file);
        foreach (var name in source.Names)
            if (!_sources.TryAdd(name, source))
                throw new GridException(ErrorCodes.InvalidSafetensors, $"Two files hold the tensor '{name}'.", file.Name);
    }

    private SafetensorsSource Get(string name) => _sources.TryGetValue(name, out var found)
        ? found
        : throw new GridException(ErrorCodes.InvalidSafetensors, $"The weights have no tensor '{name}'.", name);
}
