namespace FineTuneGrid.Client;

/// <summary>Told how far transfers are. Everything does nothing unless it is overridden.</summary>
public class TransferProgress
{
    public static TransferProgress None { get; } = new();

    /// <summary>A transfer of <paramref name="total"/> bytes begins; called with the bytes done so far. Disposed at its end.</summary>
    public virtual IProgressBar Begin(string label, long total) => Silent.Instance;

    /// <summary>Something that the transfer gets over by itself.</summary>
    public virtual void Note(string text)
    {
    }

    private sealed class Silent : IProgressBar
    {
        public static readonly Silent Instance = new();

        public void Report(long done)
        {
        }

        public void Dispose()
        {
        }
    }
}

public interface IProgressBar : IDisposable
{
    void Report(long done);
}
