using System.Buffers.Binary;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Storage;

/// <summary>
/// The checked table of contents of a safetensors file: 8 bytes header length (little-endian), a JSON object, then the data,
/// which the tensors cover without hole, overlap or rest. Format: https://github.com/huggingface/safetensors#format.
/// </summary>
public sealed class SafetensorsHeader
{
    private const int LengthBytes = 8;

    private readonly Dictionary<string, SafetensorsTensor> _byName;

    internal SafetensorsHeader(
        Dictionary<string, SafetensorsTensor> byName, IReadOnlyList<SafetensorsTensor> tensors, IReadOnlyDictionary<string, string> metadata, long dataOffset)
    {
        _byName = byName;
        Tensors = tensors;
        Metadata = metadata;
        DataOffset = dataOffset;
    }

    /// <summary>In the order of their bytes.</summary>
    public IReadOnlyList<SafetensorsTensor> Tensors { get; }

    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Where the data section starts in the file.</summary>
    public long DataOffset { get; }

    public SafetensorsTensor? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>Reads and checks the header at the start of a file of known length; the data itself is not read.</summary>
    /// <param name="fileName">For messages.</param>
    /// <exception cref="GridException">invalid_safetensors, naming the file and the tensor at fault.</exception>
    public static async Task<SafetensorsHeader> ReadAsync(
        Stream start, long fileLength, string fileName, SafetensorsProfile? profile = null, CancellationToken cancellation = default)
    {
        profile ??= SafetensorsProfile.General;
        var prefix = new byte[LengthBytes];
        var got = await start.ReadAtLeastAsync(prefix, LengthBytes, throwOnEndOfStream: false, cancellation);
        var headerBytes = CheckLengths(prefix.AsSpan(0, got), fileLength, fileName, profile);
        var json = GC.AllocateUninitializedArray<byte>(headerBytes);
        if (await start.ReadAtLeastAsync(json, headerBytes, throwOnEndOfStream: false, cancellation) != headerBytes)
            throw SafetensorsFault.Of(fileName, "ends within its header; the file is truncated, upload it again");
        return Parse(json, fileLength, fileName, profile);
    }

    /// <summary>As <see cref="ReadAsync"/>, for the bytes of a mapped file.</summary>
    internal static SafetensorsHeader Read(ReadOnlySpan<byte> start, long fileLength, string fileName, SafetensorsProfile profile)
    {
        var headerBytes = CheckLengths(start[..Math.Min(LengthBytes, start.Length)], fileLength, fileName, profile);
        return Parse(start.Slice(LengthBytes, headerBytes), fileLength, fileName, profile);
    }

    private static SafetensorsHeader Parse(ReadOnlySpan<byte> json, long fileLength, string fileName, SafetensorsProfile profile) =>
        SafetensorsHeaderParser.Parse(json, LengthBytes + json.Length, fileLength - LengthBytes - json.Length, fileName, profile);

    /// <summary>The header's length, believed only where file and profile allow it: it decides what is allocated.</summary>
    private static int CheckLengths(ReadOnlySpan<byte> prefix, long fileLength, string fileName, SafetensorsProfile profile)
    {
        if (prefix.Length < LengthBytes)
            throw SafetensorsFault.Of(fileName, $"has only {prefix.Length} bytes; it is not a safetensors file");
        if (fileLength > profile.MaxFileBytes)
            throw SafetensorsFault.Of(fileName, $"has {fileLength} bytes; at most {profile.MaxFileBytes} are accepted here");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > (ulong)profile.MaxHeaderBytes)
            throw SafetensorsFault.Of(fileName, $"declares a header of {length} bytes; at most {profile.MaxHeaderBytes} are accepted, so it is damaged or not a safetensors file");
        if ((long)length > fileLength - LengthBytes)
            throw SafetensorsFault.Of(fileName, $"declares a header of {length} bytes but has {fileLength} bytes in all; it is truncated or not a safetensors file");
        return (int)length;
    }
}
