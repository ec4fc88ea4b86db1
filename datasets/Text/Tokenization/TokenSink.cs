namespace FineTuneGrid.Text.Tokenization;

/// <summary>Collects tokens of one encode call.</summary>
internal sealed class TokenSink
{
    private readonly List<int> _ids = [];
    private readonly List<int> _starts = [];
    private readonly List<int> _ends = [];

    public void Add(int id, int start, int end)
    {
        _ids.Add(id);
        _starts.Add(start);
        _ends.Add(end);
    }

    public void Add(ReadOnlySpan<int> ids, int position)
    {
        foreach (var id in ids)
            Add(id, position, position);
    }

    public TokenizedText ToResult() => new(_ids.ToArray(), _starts.ToArray(), _ends.ToArray());
}
