using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;
using FineTuneGrid.Models.Architectures;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Lora;
using FineTuneGrid.Storage;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Export;

/// <summary>
/// A base with an adapter's part added to its weights: a full model under the published names, orientations and dtypes. The sums are taken
/// in fp32 and rounded to the stored dtype once.
/// </summary>
public static class MergedModel
{
    private static readonly Dictionary<string, string> Metadata = new() { ["format"] = "pt" };

    /// <summary>Writes <c>model.safetensors</c>, or several files of at most about so many bytes with their index.</summary>
    /// <param name="source">The base's published tensors; its whole weights also where the adapter was trained on quantised ones.</param>
    /// <param name="progress">Tensors written, and how many there are.</param>
    /// <exception cref="GridException"><c>invalid_model</c>: the tensors do not fit the architecture.</exception>
    public static async Task WriteAsync(
        string folder, Architecture architecture, ITensorSource source, LoraAdapter adapter, long maxFileBytes, Action<int, int>? progress = null, CancellationToken cancellation = default)
    {
        var names = CheckpointNames.Check(architecture, source);
        var written = 0;
        var entries = architecture.Parameters.Select(p => Entry(p, names.Of(p), source, adapter, () => progress?.Invoke(++written, architecture.Parameters.Count)))
            .OrderBy(e => e.Name, StringComparer.Ordinal).ToList();
        var files = Split(entries, maxFileBytes);
        for (var i = 0; i < files.Count; i++)
        {
            await using var file = File.Create(Path.Combine(folder, NameOf(i, files.Count)));
            await SafetensorsWriter.WriteAsync(file, files[i], Metadata, cancellation);
        }
        if (files.Count > 1)
            await File.WriteAllBytesAsync(Path.Combine(folder, SafetensorsIndex.FileName), Index(files), cancellation);
    }

    /// <summary>One weight with the adapter's part, in the stored dtype and orientation, in the caller's dispose scope.</summary>
    internal static Tensor Merge(Tensor stored, LoraModuleSpec module, LoraAdapter adapter)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var a = adapter.Parameters[module.NameA].detach().cpu();
        var b = adapter.Parameters[module.NameB].detach().cpu();
        var weight = stored.to(ScalarType.Float32);
        if (module.Transposed)
            weight = weight.t();
        var merged = weight + b.matmul(a) * module.Scale;
        if (module.Dora)
        {
            var length = merged.square().sum(-1).sqrt();
            merged = merged * (adapter.Parameters[module.NameMagnitude].detach().cpu() / length).unsqueeze(1);
        }
        if (module.Transposed)
            merged = merged.t();
        return merged.contiguous().to(stored.dtype).MoveToOuterDisposeScope();
    }

    private static SafetensorsEntry Entry(ParameterSpec parameter, string stored, ITensorSource source, LoraAdapter adapter, Action done)
    {
        var info = source.Describe(stored);
        var module = adapter.Plan.Modules.FirstOrDefault(m => m.Name + ".weight" == parameter.Name);
        return new SafetensorsEntry(stored, SafetensorsSource.DtypeOf(info.Type), info.Shape, () =>
        {
            using var scope = NewDisposeScope();
            var weight = TensorBytes.Load(source, stored);
            var tensor = module is null ? weight : Merge(weight, module, adapter);
            done();
            return TensorBytes.Pieces(tensor.DetachFromDisposeScope());
        });
    }

    private static List<List<SafetensorsEntry>> Split(List<SafetensorsEntry> entries, long maxFileBytes)
    {
        List<List<SafetensorsEntry>> files = [[]];
        long size = 0;
        foreach (var entry in entries)
        {
            if (size > 0 && size + entry.Length > maxFileBytes)
            {
                files.Add([]);
                size = 0;
            }
            files[^1].Add(entry);
            size += entry.Length;
        }
        return files;
    }

    private static string NameOf(int index, int count) => count == 1 ? SafetensorsModel.SingleFileName : $"model-{index + 1:00000}-of-{count:00000}.safetensors";

    private static byte[] Index(List<List<SafetensorsEntry>> files)
    {
        var map = files.SelectMany((file, i) => file.Select(e => (e.Name, File: NameOf(i, files.Count)))).OrderBy(e => e.Name, StringComparer.Ordinal);
        var index = new JsonObject
        {
            ["metadata"] = new JsonObject { ["total_size"] = files.Sum(f => f.Sum(e => e.Length)) },
            ["weight_map"] = new JsonObject(map.Select(e => KeyValuePair.Create(e.Name, (JsonNode?)e.File))),
        };
        return JsonSerializer.SerializeToUtf8Bytes(index, GridJson.Indented);
    }
}
