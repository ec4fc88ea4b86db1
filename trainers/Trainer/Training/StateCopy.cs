using System.Runtime.InteropServices;
using FineTuneGrid.Models.Loading;
using FineTuneGrid.Models.Optim;

namespace FineTuneGrid.Trainer.Training;

/// <summary>
/// A copy of a run's numbers in host memory, from which a checkpoint is made while the steps go on. There is one per run, allocated
/// with its first checkpoint and used again by each: the next copy is taken when the commit that reads this one is over.
/// </summary>
internal sealed class StateCopy
{
    /// <summary>
    /// Larger states are not copied: their commits hold up the steps, as the price of not having them in memory a second time. Weights
    /// and moments of 89 million parameters fit.
    /// </summary>
    public const long MostBytes = 1L << 30;

    private const int Buffers = 3;

    private readonly FlatParameters _trained;
    private readonly byte[] _weights;
    private readonly byte[] _firstMoment;
    private readonly byte[] _secondMoment;
    private readonly Dictionary<string, byte[]> _rounds = [];

    public StateCopy(FlatParameters trained)
    {
        _trained = trained;
        (_weights, _firstMoment, _secondMoment) = (NewBuffer(), NewBuffer(), NewBuffer());
    }

    /// <summary>Host memory that a copy takes; 0 where the state is too large for one.</summary>
    public static long BytesFor(long parameters) => parameters * sizeof(float) * Buffers is var bytes && bytes <= MostBytes ? bytes : 0;

    /// <summary>Overwrites the copy.</summary>
    public RunValues Take(AdamW optimizer, IReadOnlyDictionary<string, float[]> rounds)
    {
        TensorBytes.CopyTo(_trained.Flat, _weights);
        TensorBytes.CopyTo(optimizer.FirstMoment, _firstMoment);
        TensorBytes.CopyTo(optimizer.SecondMoment, _secondMoment);
        foreach (var (name, values) in rounds)
        {
            if (!_rounds.TryGetValue(name, out var buffer)) _rounds[name] = buffer = NewBuffer();
            MemoryMarshal.AsBytes(values).CopyTo(buffer);
        }
        return new RunValues(
            _trained.Slots, slot => Part(_weights, slot), slot => Part(_firstMoment, slot), slot => Part(_secondMoment, slot),
            _rounds.ToDictionary(r => r.Key, r => (SlotBytes)(slot => Part(r.Value, slot))));
    }

    private byte[] NewBuffer() => GC.AllocateUninitializedArray<byte>(checked((int)(_trained.Count * sizeof(float))));

    private static ReadOnlyMemory<byte> Part(byte[] buffer, FlatSlot slot) =>
        buffer.AsMemory(checked((int)(slot.Offset * sizeof(float))), checked((int)(slot.Count * sizeof(float))));
}
