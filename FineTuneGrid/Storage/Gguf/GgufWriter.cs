using System.Text;

namespace FineTuneGrid.Storage;

/// <summary>
/// Writes GGUF files (llama.cpp's format, version 3): header, metadata, descriptions of the tensors, then their data, each aligned to 32
/// bytes. One tensor at a time is in memory.
/// </summary>
public static class GgufWriter
{
    /// <param name="destination">Written from its present position on, which must be its beginning.</param>
    /// <param name="metadata">In the order in which it is written; readers want <c>general.architecture</c> first.</param>
    /// <param name="tensors">In the order of their data.</param>
    /// <exception cref="ArgumentException">Two of one name.</exception>
    public static void Write(Stream destination, IReadOnlyList<KeyValuePair<string, GgufValue>> metadata, IReadOnlyList<GgufEntry> tensors)
    {
        CheckUnique(metadata.Select(m => m.Key), nameof(metadata));
        CheckUnique(tensors.Select(t => t.Name), nameof(tensors));
        var header = Header(metadata, tensors);
        destination.Write(header);
        var at = Pad(destination, header.Length);
        foreach (var tensor in tensors)
        {
            using var counted = new CountingStream(destination);
            tensor.Write(counted);
            if (counted.Written != tensor.Length)
                throw new InvalidOperationException($"The tensor '{tensor.Name}' gave {counted.Written} bytes, not the {tensor.Length} of its shape.");
            at = Pad(destination, at + tensor.Length);
        }
    }

    private static byte[] Header(IReadOnlyList<KeyValuePair<string, GgufValue>> metadata, IReadOnlyList<GgufEntry> tensors)
    {
        using var buffer = new MemoryStream();
        using var writer = new BinaryWriter(buffer, Encoding.UTF8);
        writer.Write(Gguf.Magic);
        writer.Write(Gguf.Version);
        writer.Write((ulong)tensors.Count);
        writer.Write((ulong)metadata.Count);
        foreach (var (key, value) in metadata)
        {
            GgufValue.WriteText(writer, key);
            value.Write(writer);
        }
        long offset = 0;
        foreach (var tensor in tensors)
        {
            Describe(writer, tensor, offset);
            offset = Gguf.Aligned(offset + tensor.Length);
        }
        writer.Flush();
        return buffer.ToArray();
    }

    private static void Describe(BinaryWriter writer, GgufEntry tensor, long offset)
    {
        if (tensor.Shape.Count is 0 or > Gguf.MaxDimensions)
            throw new ArgumentException($"The tensor '{tensor.Name}' has {tensor.Shape.Count} dimensions; the format has 1 to {Gguf.MaxDimensions}.");
        GgufValue.WriteText(writer, tensor.Name);
        writer.Write((uint)tensor.Shape.Count);
        foreach (var dimension in tensor.Shape.Reverse())
            writer.Write((ulong)dimension);
        writer.Write((uint)tensor.Type);
        writer.Write((ulong)offset);
    }

    private static long Pad(Stream destination, long at)
    {
        var next = Gguf.Aligned(at);
        destination.Write(new byte[next - at]);
        return next;
    }

    private static void CheckUnique(IEnumerable<string> names, string what)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in names)
            if (!seen.Add(name))
                throw new ArgumentException($"'{name}' is there twice.", what);
    }

    /// <summary>Says how much was written through it. Does not own the stream below.</summary>
    private sealed class CountingStream(Stream below) : Stream
    {
        public long Written { get; private set; }

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => Written;

        public override long Position
        {
            get => Written;
            set => throw new NotSupportedException();
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            below.Write(buffer);
            Written += buffer.Length;
        }

        public override void Flush() => below.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
