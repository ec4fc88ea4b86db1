namespace FineTuneGrid.Text.Tokenization;

/// <summary>A text derived from the user's, where every UTF-16 unit knows the range of the source that it stands for.</summary>
internal sealed class AlignedText
{
    private readonly int[]? _starts;
    private readonly int[]? _ends;
    private readonly int _offset;

    private AlignedText(string text, int offset, int[]? starts, int[]? ends)
    {
        Text = text;
        _offset = offset;
        _starts = starts;
        _ends = ends;
    }

    public string Text { get; }

    public int Length => Text.Length;

    /// <summary>Whether every unit is the source's own.</summary>
    public bool IsSource => _starts is null;

    /// <summary>The part [start, end) of a source text, unchanged.</summary>
    public static AlignedText Slice(string source, int start, int end) =>
        new(start == 0 && end == source.Length ? source : source[start..end], start, null, null);

    public int StartOf(int index) => _starts is null ? _offset + index : _starts[index];

    public int EndOf(int index) => _ends is null ? _offset + index + 1 : _ends[index];

    /// <summary>Where the text begins in the source, also when it is empty.</summary>
    public int Origin => Length == 0 ? _offset : StartOf(0);

    /// <summary>Source range of [from, to) of this text; empty ranges sit before <paramref name="from"/>.</summary>
    public (int Start, int End) SourceRange(int from, int to)
    {
        if (from < to)
            return (StartOf(from), EndOf(to - 1));
        var at = from < Length ? StartOf(from) : Length == 0 ? _offset : EndOf(Length - 1);
        return (at, at);
    }

    /// <summary>Builds a changed text unit by unit.</summary>
    public sealed class Builder(int origin, int capacity)
    {
        private readonly System.Text.StringBuilder _text = new(capacity);
        private readonly List<int> _starts = new(capacity);
        private readonly List<int> _ends = new(capacity);

        public void Append(char unit, int start, int end)
        {
            _text.Append(unit);
            _starts.Add(start);
            _ends.Add(end);
        }

        public void Append(ReadOnlySpan<char> units, int start, int end)
        {
            foreach (var unit in units)
                Append(unit, start, end);
        }

        public void Append(AlignedText from, int start, int end)
        {
            for (var i = start; i < end; i++)
                Append(from.Text[i], from.StartOf(i), from.EndOf(i));
        }

        public AlignedText Build() => new(_text.ToString(), origin, [.. _starts], [.. _ends]);
    }
}

/// <summary>The range [Start, End) of an aligned text: what pre-tokenizers split and models tokenize.</summary>
internal readonly record struct Piece(AlignedText Owner, int Start, int End)
{
    public int Length => End - Start;

    public ReadOnlySpan<char> Span => Owner.Text.AsSpan(Start, Length);

    public static Piece All(AlignedText text) => new(text, 0, text.Length);
}
