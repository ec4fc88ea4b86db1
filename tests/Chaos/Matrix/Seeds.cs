namespace FineTuneGrid.Chaos;

/// <summary>Random numbers of one kill: the same in every run with the same seed, which the runtime's own hash codes are not.</summary>
internal static class Seeds
{
    public static Random Of(int seed, params ReadOnlySpan<int> numbers)
    {
        foreach (var number in numbers) seed = unchecked((seed * 31) + number);
        return new Random(seed);
    }
}
