using System.Text;
using FineTuneGrid.Contracts;
using Microsoft.Win32.SafeHandles;

namespace FineTuneGrid.Storage;

/// <summary>Reads the GGUF files that <see cref="GgufWriter"/> writes: those value and element types, everything held against the file's length.</summary>
public sealed class GgufFile : IDisposable
{
    private const int MaxItems = 1 << 24;

    private readonly SafeFileHandle _handle;
    private readonly Dictionary<string, GgufTensor> _tensors;

    private GgufFile(string path, SafeFileHandle handle)
    {
        (Name, _handle) = (Path.GetFileName(path), handle);
        try
        {
            using var reader = new BinaryReader(File.OpenRead(path), Encoding.UTF8);
            (Metadata, _tensors) = Header(reader, RandomAccess.GetLength(handle));
        }
        catch (Exception e) when (e is EndOfStreamException or OverflowException or ArgumentException)
        {
            throw Bad($"is cut off or damaged ({e.Message.TrimEnd('.')})", e);
        }
    }

    /// <summary>For messages.</summary>
    public string Name { get; }

    public IReadOnlyDictionary<string, object> Metadata { get; }

    public IReadOnlyCollection<GgufTensor> Tensors => _tensors.Values;

    /// <exception cref="GridException"><c>invalid_model</c>: not such a file.</exception>
    public static GgufFile Open(string path)
    {
        var handle = File.OpenHandle(path);
        try
        {
            return new GgufFile(path, handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    public GgufTensor? Find(string tensor) => _tensors.GetValueOrDefault(tensor);

    public T Get<T>(string key) => Metadata.GetValueOrDefault(key) is T value ? value : throw Bad($"has no {typeof(T).Name} named '{key}'");

    /// <summary>Copies bytes of a tensor from an offset on.</summary>
    public void Read(GgufTensor tensor, long offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + destination.Length, tensor.Length);
        for (var done = 0; done < destination.Length;)
        {
            var read = RandomAccess.Read(_handle, destination[done..], tensor.Offset + offset + done);
            done += read > 0 ? read : throw Bad("became shorter while it was read");
        }
    }

    public void Dispose() => _handle.Dispose();

    private (Dictionary<string, object> Metadata, Dictionary<string, GgufTensor> Tensors) Header(BinaryReader reader, long length)
    {
        if (reader.ReadUInt32() != Gguf.Magic)
            throw Bad("is no GGUF file");
        if (reader.ReadUInt32() is var version && version != Gguf.Version)
            throw Bad($"is of version {version}, not {Gguf.Version}");
        int tensors = Count(reader), values = Count(reader);
        var metadata = new Dictionary<string, object>(StringComparer.Ordinal);
        for (var i = 0; i < values; i++)
            metadata.Add(Text(reader), Value(reader, (GgufValueType)reader.ReadUInt32()));
        var found = Enumerable.Range(0, tensors).Select(_ => Tensor(reader)).ToList();
        var start = Gguf.Aligned(reader.BaseStream.Position);
        var placed = found.ToDictionary(t => t.Name, t => t with { Offset = checked(start + t.Offset) }, StringComparer.Ordinal);
        return placed.Values.FirstOrDefault(t => t.Length > length - t.Offset) is { } beyond
            ? throw Bad($"ends before its tensor '{beyond.Name}'")
            : (metadata, placed);
    }

    private GgufTensor Tensor(BinaryReader reader)
    {
        var name = Text(reader);
        var dimensions = reader.ReadUInt32();
        if (dimensions is 0 or > Gguf.MaxDimensions)
            throw Bad($"gives the tensor '{name}' {dimensions} dimensions");
        long[] shape = [.. Enumerable.Range(0, (int)dimensions).Select(_ => checked((long)reader.ReadUInt64())).Reverse()];
        var type = (GgufType)reader.ReadUInt32();
        return Enum.IsDefined(type) ? new GgufTensor(name, type, shape, checked((long)reader.ReadUInt64()))
            : throw Bad($"has the tensor '{name}' in type {(int)type}, which is not read here");
    }

    private object Value(BinaryReader reader, GgufValueType type) => type switch
    {
        GgufValueType.UInt32 => reader.ReadUInt32(),
        GgufValueType.Int32 => reader.ReadInt32(),
        GgufValueType.Float32 => reader.ReadSingle(),
        GgufValueType.Bool => reader.ReadByte() != 0,
        GgufValueType.String => Text(reader),
        GgufValueType.Array => List(reader),
        _ => throw Bad($"has metadata of type {(int)type}, which is not read here"),
    };

    private object List(BinaryReader reader)
    {
        var type = (GgufValueType)reader.ReadUInt32();
        var count = Count(reader);
        return type switch
        {
            GgufValueType.String => Enumerable.Range(0, count).Select(_ => Text(reader)).ToArray(),
            GgufValueType.Float32 => Enumerable.Range(0, count).Select(_ => reader.ReadSingle()).ToArray(),
            GgufValueType.Int32 => Enumerable.Range(0, count).Select(_ => reader.ReadInt32()).ToArray(),
            _ => throw Bad($"has a list of type {(int)type}, which is not read here"),
        };
    }

    private int Count(BinaryReader reader) => reader.ReadUInt64() is var count && count <= MaxItems ? (int)count : throw Bad($"claims {count} entries");

    private string Text(BinaryReader reader)
    {
        var length = Count(reader);
        var bytes = reader.ReadBytes(length);
        return bytes.Length == length ? Encoding.UTF8.GetString(bytes) : throw new EndOfStreamException("a text is cut off");
    }

    private GridException Bad(string what, Exception? inner = null) => new(ErrorCodes.InvalidModel, $"The file '{Name}' {what}.", Name, inner);
}
