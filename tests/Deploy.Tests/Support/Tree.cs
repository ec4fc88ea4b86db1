using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.Serialization;

namespace FineTuneGrid.Deploy;

/// <summary>A YAML value that knows where it is, so that a miss says what was looked for.</summary>
internal sealed class Tree(object? value, string path)
{
    public string Place => path;

    public bool IsMap => value is Dictionary<object, object?>;

    public IEnumerable<string> Keys => Map.Keys.Select(k => k.ToString()!);

    public IEnumerable<Tree> Items => value is List<object?> list
        ? list.Select((item, i) => new Tree(item, $"{path}[{i}]"))
        : throw new InvalidDataException($"{path} is no list but {value ?? "nothing"}");

    public IEnumerable<(string Key, Tree Value)> Members => Map.Select(m => (m.Key.ToString()!, new Tree(m.Value, $"{path}.{m.Key}")));

    public string Text => value as string ?? throw new InvalidDataException($"{path} is no text but {value ?? "nothing"}");

    public IReadOnlyList<string> Texts => [.. Items.Select(i => i.Text)];

    private Dictionary<object, object?> Map => value as Dictionary<object, object?> ?? throw new InvalidDataException($"{path} is no map but {value ?? "nothing"}");

    public Tree this[string key] => Find(key) ?? throw new InvalidDataException($"{path} has no {key}, only {string.Join(", ", Keys)}");

    public Tree? Find(string key) => value is Dictionary<object, object?> map && map.TryGetValue(key, out var found) ? new Tree(found, $"{path}.{key}") : null;

    /// <summary>The value at <c>a.b.c</c>.</summary>
    public Tree At(string keys) => keys.Split('.').Aggregate(this, (tree, key) => tree[key]);

    /// <summary>Every scalar below, with its place.</summary>
    public IEnumerable<Tree> Leaves() => value switch
    {
        Dictionary<object, object?> => Members.SelectMany(m => m.Value.Leaves()),
        List<object?> => Items.SelectMany(i => i.Leaves()),
        _ => [this],
    };

    public override string ToString() => $"{path}: {value}";

    /// <summary>All documents of a text; those that hold nothing are left out.</summary>
    public static IReadOnlyList<Tree> Parse(string text, string name)
    {
        var parser = new MergingParser(new Parser(new StringReader(text)));
        var deserializer = new DeserializerBuilder().WithDuplicateKeyChecking().Build();
        var documents = new List<Tree>();
        parser.Consume<StreamStart>();
        while (parser.Accept<DocumentStart>(out _))
        {
            if (deserializer.Deserialize<object?>(parser) is { } value) documents.Add(new Tree(value, name));
        }
        return documents;
    }
}
