namespace FineTuneGrid.SampleMaker;

/// <summary>SplitMix64 (Steele, Lea, Flood 2014): small, seeded, the same on every machine.</summary>
public sealed class SplitMix(ulong seed)
{
    private ulong _state = seed;

    public int Below(int bound)
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        z ^= z >> 31;
        return (int)((UInt128)z * (uint)bound >> 64);
    }

    public T Pick<T>(IReadOnlyList<T> items) => items[Below(items.Count)];
}
