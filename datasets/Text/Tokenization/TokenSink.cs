namespace FineTuneGrid.Text.Tokenization;

/// <summary>Collects tokens of one encode call.</summary>
internal sealed class TokenSink(int capacity, bool withRanges)
{
    private int[] _ids = new int[Math.Max(16, capacity)];
    private int[] _starts = withRanges ? new int[Math.Max(16, capacity)] : [];
    private int[] _ends = withRanges ? new int[Math.Max(16, capacity)] : [];
    private int _count;

    public void Add(int id, int start, int end)
    {
        if (_count == _ids.Length)
            Grow(_count * 2);
        _ids[_count] = id;
        if (withRanges)
            (_starts[_count], _ends[_count]) = (start, end);
        _count++;
    }

    public void Add(ReadOnlySpan<int> ids, int position)
    {
        foreach (var id in ids)
            Add(id, position, position);
    }

    /// <summary>Adds the tokens of a word that begins at a position of the source, from which nothing was changed.</summary>
    public void Add(ReadOnlySpan<BpeSymbol> symbols, int position)
    {
        if (_count + symbols.Length > _ids.Length)
            Grow(Math.Max(_count * 2, _count + symbols.Length));
        foreach (var symbol in symbols)
        {
            _ids[_count] = symbol.Id;
            if (withRanges)
                (_starts[_count], _ends[_count]) = (position + symbol.Start, position + symbol.End);
            _count++;
        }
    }

    public int[] ToIds() => _ids[.._count];

    public TokenizedText ToResult() => new(_ids[.._count], _starts[.._count], _ends[.._count]);

    private void Grow(int capacity)
    {
        Array.Resize(ref _ids, capacity);
        if (!withRanges)
            return;
        Array.Resize(ref _starts, capacity);
        Array.Resize(ref _ends, capacity);
    }
}
