using System.Runtime.InteropServices;
using FineTuneGrid.Storage;

namespace FineTuneGrid.Shards;

/// <summary>
/// A token shard: a safetensors file with <c>input_ids</c> I32 [tokens], <c>labels</c> I32 [tokens] and <c>offsets</c>
/// I64 [examples + 1]; example i is the slice offsets[i] .. offsets[i + 1]. Its bytes are a function of its content.
/// </summary>
internal static class TokenShardFormat
{
    public const string Ids = "input_ids";
    public const string Labels = "labels";
    public const string Offsets = "offsets";

    private static readonly Dictionary<string, string> Metadata = new() { ["format"] = "ftg-tokens-1" };

    public static Stream Write(List<int> ids, List<int> labels, List<long> offsets) => SafetensorsWriter.CreateStream(
        [
            new SafetensorsEntry(Ids, SafetensorsDtype.I32, [ids.Count], () => Bytes(ids)),
            new SafetensorsEntry(Labels, SafetensorsDtype.I32, [labels.Count], () => Bytes(labels)),
            new SafetensorsEntry(Offsets, SafetensorsDtype.I64, [offsets.Count], () => Bytes(offsets)),
        ], Metadata);

    private static byte[] Bytes<T>(List<T> values) where T : unmanaged => MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(values)).ToArray();
}
