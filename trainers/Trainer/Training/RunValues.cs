using System.Runtime.InteropServices;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Training;

/// <summary>The bytes (fp32, little-endian) of one parameter in one of a run's flat buffers.</summary>
internal delegate ReadOnlyMemory<byte> SlotBytes(FlatSlot slot);

/// <summary>The numbers of a run that a checkpoint holds, wherever they lie.</summary>
/// <param name="Rounds">Where workers take steps of their own: what they carry from round to round, by the prefix of its tensors' names.</param>
internal sealed record RunValues(
    IReadOnlyList<FlatSlot> Slots, SlotBytes Weights, SlotBytes FirstMoment, SlotBytes SecondMoment, IReadOnlyDictionary<string, SlotBytes> Rounds)
{
    /// <summary>The tensors themselves: to be read on the thread that steps, before its next step.</summary>
    public static RunValues Live(FlatParameters trained, AdamW optimizer, IReadOnlyDictionary<string, float[]> rounds) => new(
        trained.Slots,
        slot => Bytes(trained.Flat, slot),
        slot => Bytes(optimizer.FirstMoment, slot),
        slot => Bytes(optimizer.SecondMoment, slot),
        rounds.ToDictionary(r => r.Key, r => (SlotBytes)(slot => Bytes(r.Value, slot))));

    private static ReadOnlyMemory<byte> Bytes(Tensor buffer, FlatSlot slot)
    {
        using var scope = NewDisposeScope();
        using var bytes = new MemoryStream(checked((int)(slot.Count * sizeof(float))));
        TensorBytes.Write(FlatParameters.ViewOf(buffer, slot).cpu(), bytes);
        return bytes.GetBuffer().AsMemory(0, (int)bytes.Length);
    }

    private static ReadOnlyMemory<byte> Bytes(float[] values, FlatSlot slot) =>
        MemoryMarshal.AsBytes(values.AsSpan((int)slot.Offset, (int)slot.Count)).ToArray();
}
