namespace FineTuneGrid.Grains;

/// <summary>The envelope in which a grain's state is stored: null until the grain was first used.</summary>
public sealed class Stored<T> where T : class
{
    public T? Value { get; set; }
}
