using System.Diagnostics.CodeAnalysis;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage;

/// <summary>The weights of a model folder, in one file or in shards with an index, as one set of mapped tensors.</summary>
public sealed class SafetensorsModel : IDisposable
{
    public const string SingleFileName = "model.safetensors";

    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, (SafetensorsFile File, SafetensorsTensor Tensor)> _tensors = new(StringComparer.Ordinal);

    private SafetensorsModel()
    {
    }

    public IReadOnlyCollection<string> Names => _tensors.Keys;

    /// <summary>Opens <c>model.safetensors</c>, or the shards of its index, in a folder.</summary>
    /// <exception cref="GridException">invalid_safetensors, or not_found where the folder has neither or lacks a shard.</exception>
    public static SafetensorsModel OpenFolder(string folder, SafetensorsProfile? profile = null)
    {
        var indexPath = Path.Combine(folder, SafetensorsIndex.FileName);
        var index = File.Exists(indexPath) ? SafetensorsIndex.Parse(File.ReadAllBytes(indexPath)) : null;
        if (index is null && !File.Exists(Path.Combine(folder, SingleFileName)))
            throw NoWeights();
        return Open(index, file => SafetensorsFile.Open(Path.Combine(folder, file), profile));
    }

    /// <summary>As <see cref="OpenFolder"/> for the blobs <c>{prefix}/model.safetensors</c> and so on.</summary>
    public static async Task<SafetensorsModel> OpenBlobsAsync(
        IBlobStore store, string prefix, SafetensorsProfile? profile = null, CancellationToken cancellation = default)
    {
        var indexBlob = await store.ReadAllBytesAsync($"{prefix}/{SafetensorsIndex.FileName}", cancellation: cancellation);
        var index = indexBlob is { } read ? SafetensorsIndex.Parse(read.Bytes) : null;
        var locals = new Dictionary<string, LocalFile>();
        try
        {
            foreach (var file in index?.Files ?? [SingleFileName])
            {
                locals[file] = await store.OpenLocalAsync($"{prefix}/{file}", cancellation)
                    ?? throw (index is null ? NoWeights() : MissingShard(file));
            }
            return Open(index, file => SafetensorsFile.Open(locals[file].Handle, file, profile));
        }
        finally
        {
            foreach (var local in locals.Values)
                local.Dispose();
        }
    }

    public bool TryGet(string name, [NotNullWhen(true)] out SafetensorsFile? file, [NotNullWhen(true)] out SafetensorsTensor? tensor)
    {
        (file, tensor) = _tensors.GetValueOrDefault(name);
        return tensor is not null;
    }

    public void Dispose()
    {
        foreach (var file in _files)
            file.Dispose();
    }

    private static SafetensorsModel Open(SafetensorsIndex? index, Func<string, SafetensorsFile> open)
    {
        var model = new SafetensorsModel();
        try
        {
            foreach (var name in index?.Files ?? [SingleFileName])
                model._files.Add(open(name));
            if (index is null)
                model.AddAll(model._files[0]);
            else
                model.AddIndexed(index);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private void AddAll(SafetensorsFile file)
    {
        foreach (var tensor in file.Header.Tensors)
            _tensors.Add(tensor.Name, (file, tensor));
    }

    private void AddIndexed(SafetensorsIndex index)
    {
        var byName = _files.ToDictionary(f => f.Name, StringComparer.Ordinal);
        foreach (var (name, fileName) in index.FileOf)
        {
            var file = byName[fileName];
            _tensors.Add(name, (file, file.Get(name)));
        }
    }

    private static GridException NoWeights() =>
        new(ErrorCodes.InvalidModel, $"The model has neither {SingleFileName} nor {SafetensorsIndex.FileName}; add its weights in safetensors format (other formats are not read).", SingleFileName);

    private static GridException MissingShard(string file) =>
        new(ErrorCodes.InvalidModel, $"The model lacks the file '{file}' that its index names; upload it.", file);
}
