using System.Text.Json;
using FineTuneGrid.Models.Loading;
using static TorchSharp.torch;

namespace FineTuneGrid.Models.Tests;

/// <summary>A whole safetensors file in memory: trusted test data only.</summary>
internal sealed class SafetensorsBytes : ITensorSource
{
    private readonly byte[] _file;
    private readonly Dictionary<string, (TensorInfo Info, long Start)> _entries = new(StringComparer.Ordinal);

    public SafetensorsBytes(string path)
    {
        _file = File.ReadAllBytes(path);
        var header = BitConverter.ToInt64(_file);
        using var json = JsonDocument.Parse(_file.AsMemory(8, (int)header));
        foreach (var entry in json.RootElement.EnumerateObject().Where(e => e.Name != "__metadata__"))
        {
            var type = entry.Value.GetProperty("dtype").GetString() == "F32" ? ScalarType.Float32 : ScalarType.BFloat16;
            long[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64())];
            _entries.Add(entry.Name, (new TensorInfo(type, shape), 8 + header + entry.Value.GetProperty("data_offsets")[0].GetInt64()));
        }
    }

    public IReadOnlyCollection<string> Names => _entries.Keys;

    public TensorInfo Describe(string name) => _entries[name].Info;

    public void Read(string name, long offset, Span<byte> destination) =>
        _file.AsSpan((int)(_entries[name].Start + offset), destination.Length).CopyTo(destination);
}
