using System.Text;

namespace FineTuneGrid.Storage;

/// <summary>The value types of a GGUF file's metadata, by their numbers in the format.</summary>
public enum GgufValueType
{
    UInt32 = 4,
    Int32 = 5,
    Float32 = 6,
    Bool = 7,
    String = 8,
    Array = 9,
}

/// <summary>One value of the metadata: its type, for arrays that of the elements, and its bytes as they are written.</summary>
public sealed class GgufValue
{
    private readonly Action<BinaryWriter> _write;

    private GgufValue(GgufValueType type, object value, Action<BinaryWriter> write) => (Type, Value, _write) = (type, value, write);

    public GgufValueType Type { get; }

    /// <summary><see cref="uint"/>, <see cref="int"/>, <see cref="float"/>, <see cref="bool"/>, <see cref="string"/>, or a list of one of them.</summary>
    public object Value { get; }

    public static GgufValue Of(uint value) => new(GgufValueType.UInt32, value, w => w.Write(value));

    public static GgufValue Of(int value) => new(GgufValueType.Int32, value, w => w.Write(value));

    public static GgufValue Of(float value) => new(GgufValueType.Float32, value, w => w.Write(value));

    public static GgufValue Of(bool value) => new(GgufValueType.Bool, value, w => w.Write(value));

    public static GgufValue Of(string value) => new(GgufValueType.String, value, w => WriteText(w, value));

    public static GgufValue Of(IReadOnlyList<string> values) => List(GgufValueType.String, values, WriteText);

    public static GgufValue Of(IReadOnlyList<float> values) => List(GgufValueType.Float32, values, (w, v) => w.Write(v));

    public static GgufValue Of(IReadOnlyList<int> values) => List(GgufValueType.Int32, values, (w, v) => w.Write(v));

    internal void Write(BinaryWriter writer)
    {
        writer.Write((uint)Type);
        _write(writer);
    }

    /// <summary>A length in 8 bytes, then UTF-8.</summary>
    internal static void WriteText(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private static GgufValue List<T>(GgufValueType element, IReadOnlyList<T> values, Action<BinaryWriter, T> write) => new(GgufValueType.Array, values, w =>
    {
        w.Write((uint)element);
        w.Write((ulong)values.Count);
        foreach (var value in values)
            write(w, value);
    });
}
