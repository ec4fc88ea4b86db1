namespace FineTuneGrid.Grains;

/// <summary>The envelope in which a grain's state is stored: null until the grain was first used.</summary>
public sealed class Stored<T> where T : class
{
    /// <summary>The form of the value. Envelopes without one are of the first form.</summary>
    public int Version { get; set; } = StateVersion.First;

    public T? Value { get; set; }
}
