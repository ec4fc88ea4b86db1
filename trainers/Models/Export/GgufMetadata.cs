using FineTuneGrid.Storage;

namespace FineTuneGrid.Models.Export;

/// <summary>Collects a file's metadata in order. <c>general.architecture</c> comes first, as readers want it.</summary>
internal sealed class GgufMetadata
{
    private readonly List<KeyValuePair<string, GgufValue>> _values = [];
    private readonly string _architecture;

    public GgufMetadata(string architecture, string type, string name)
    {
        _architecture = architecture;
        Add("general.architecture", GgufValue.Of(architecture));
        Add("general.type", GgufValue.Of(type));
        Add("general.name", GgufValue.Of(name));
    }

    public IReadOnlyList<KeyValuePair<string, GgufValue>> Values => _values;

    public void Add(string key, GgufValue value) => _values.Add(new(key, value));

    /// <summary>A key below the architecture's name.</summary>
    public void Own(string key, long value) => Add($"{_architecture}.{key}", GgufValue.Of(checked((uint)value)));

    public void Own(string key, double value) => Add($"{_architecture}.{key}", GgufValue.Of((float)value));

    public void Own(string key, string value) => Add($"{_architecture}.{key}", GgufValue.Of(value));

    public void Own(string key, bool value) => Add($"{_architecture}.{key}", GgufValue.Of(value));
}
