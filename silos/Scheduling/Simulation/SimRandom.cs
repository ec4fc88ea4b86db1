namespace FineTuneGrid.Scheduling.Simulation;

/// <summary>SplitMix64 (Steele, Lea, Flood 2014): one small seeded generator, the same on every machine.</summary>
internal sealed class SimRandom(ulong seed)
{
    private ulong _state = seed * 0x9E3779B97F4A7C15UL + 0x1234567;

    public ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }

    /// <summary>Uniform in [0, n).</summary>
    public int Below(int n) => (int)(((Next() >> 32) * (ulong)n) >> 32);

    /// <summary>Uniform in [low, high].</summary>
    public long Between(long low, long high) => low + (long)(Next() % (ulong)(high - low + 1));

    /// <summary>True once in <paramref name="per10000"/> of 10,000 times.</summary>
    public bool Chance(int per10000) => per10000 > 0 && Below(10_000) < per10000;
}
