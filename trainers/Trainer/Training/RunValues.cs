using System.Runtime.InteropServices;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Optim;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Training;

/// <summary>The bytes (fp32, little-endian) of one parameter in one of a run's flat buffers.</summary>
internal delegate ReadOnlyMemory<byte> SlotBytes(FlatSlot slot);

/// <summary>The numbers of a run that a checkpoint holds, wherever they lie.</summary>
/// <param name="OuterVelocity">The outer optimizer's momentum, where workers take steps of their own.</param>
internal sealed record RunValues(IReadOnlyList<FlatSlot> Slots, SlotBytes Weights, SlotBytes FirstMoment, SlotBytes SecondMoment, SlotBytes? OuterVelocity)
{
    /// <summary>The tensors themselves: to be read on the thread that steps, before its next step.</summary>
    public static RunValues Live(FlatParameters trained, AdamW optimizer, float[]? outerVelocity) => new(
        trained.Slots,
        slot => Bytes(trained.Flat, slot),
        slot => Bytes(optimizer.FirstMoment, slot),
        slot => Bytes(optimizer.SecondMoment, slot),
        outerVelocity is null ? null : slot => Bytes(outerVelocity, slot));

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
