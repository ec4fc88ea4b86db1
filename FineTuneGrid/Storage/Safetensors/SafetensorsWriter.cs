using System.Buffers.Binary;
using System.Text.Json;

namespace FineTuneGrid.Storage;

/// <summary>
/// Writes safetensors files whose bytes are a function of names, shapes, values and metadata alone: metadata and tensors in
/// ordinal order of names, header padded with spaces to a multiple of 8.
/// </summary>
public static class SafetensorsWriter
{
    /// <summary>The metadata of every adapter file, and nothing else: anything more would make equal adapters differ.</summary>
    public static IReadOnlyDictionary<string, string> AdapterMetadata { get; } = new Dictionary<string, string> { ["format"] = "pt" };

    /// <summary>The file as a forward stream of known length, made while it is read; one tensor at a time is held.</summary>
    /// <exception cref="ArgumentException">Two tensors of one name.</exception>
    public static Stream CreateStream(IEnumerable<SafetensorsEntry> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = tensors.OrderBy(t => t.Name, StringComparer.Ordinal).ToList();
        for (var i = 1; i < ordered.Count; i++)
        {
            if (ordered[i].Name == ordered[i - 1].Name)
                throw new ArgumentException($"Two tensors are named '{ordered[i].Name}'.", nameof(tensors));
        }
        return new SafetensorsStream(Header(ordered, metadata), ordered);
    }

    public static async Task WriteAsync(
        Stream destination, IEnumerable<SafetensorsEntry> tensors, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellation = default)
    {
        await using var content = CreateStream(tensors, metadata);
        await content.CopyToAsync(destination, cancellation);
    }

    private static byte[] Header(List<SafetensorsEntry> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        buffer.Write(new byte[8]);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
                WriteMetadata(json, metadata);
            var offset = 0L;
            foreach (var tensor in tensors)
                offset = WriteTensor(json, tensor, offset);
            json.WriteEndObject();
        }
        while (buffer.Length % 8 != 0)
            buffer.WriteByte((byte)' ');
        var header = buffer.ToArray();
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)header.Length - 8);
        return header;
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string> metadata)
    {
        json.WriteStartObject("__metadata__");
        foreach (var (key, value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
            json.WriteString(key, value);
        json.WriteEndObject();
    }

    private static long WriteTensor(Utf8JsonWriter json, SafetensorsEntry tensor, long offset)
    {
        var end = checked(offset + tensor.Length);
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype", tensor.Dtype.NameOf());
        json.WriteStartArray("shape");
        foreach (var dimension in tensor.Shape)
            json.WriteNumberValue(dimension);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(offset);
        json.WriteNumberValue(end);
        json.WriteEndArray();
        json.WriteEndObject();
        return end;
    }
}
