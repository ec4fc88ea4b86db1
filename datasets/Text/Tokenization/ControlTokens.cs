namespace FineTuneGrid.Text.Tokenization;

/// <summary>
/// The added tokens that steer a model (turn ends, bos, eos ...), and where a text spells them: what a user wrote may not become
/// one of them.
/// </summary>
internal sealed class ControlTokens
{
    private readonly HashSet<int> _ids;
    private readonly AddedVocabulary _raw;
    private readonly AddedVocabulary? _normalized;
    private readonly Normalizer? _normalizer;

    /// <param name="ids">Those of them that are no added tokens cannot come from their spelling, and are left out.</param>
    public ControlTokens(TokenizerParts parts, IEnumerable<int> ids)
    {
        var wanted = ids.ToHashSet();
        var tokens = parts.AddedTokens.Where(t => wanted.Contains(t.Id)).ToList();
        _ids = [.. tokens.Select(t => t.Id)];
        _raw = new AddedVocabulary(tokens.Select(t => (t.Content, t)));
        if (parts.Normalizer is not { } normalizer || !tokens.Exists(t => t.Normalized))
            return;
        _normalizer = normalizer;
        _normalized = new AddedVocabulary(tokens.Where(t => t.Normalized).Select(t => (normalizer.Apply(AlignedText.Slice(t.Content, 0, t.Content.Length)).Text, t)));
    }

    public bool Contains(int id) => _ids.Contains(id);

    /// <summary>
    /// For each spelling, overlapping ones too, the position after its first character: one that lies within the spelling, so that
    /// it stays with it when a template cuts the text there. In ascending order. A spelling of one character has none.
    /// </summary>
    public IReadOnlyList<int> Find(string text)
    {
        SortedSet<int>? positions = null;
        foreach (var (start, end) in _raw.Occurrences(text))
            Add(start, end);
        if (_normalized is not null && _normalizer!.Apply(AlignedText.Slice(text, 0, text.Length)) is var normalized)
        {
            foreach (var (start, end) in _normalized.Occurrences(normalized.Text))
            {
                var range = normalized.SourceRange(start, end);
                Add(range.Start, range.End);
            }
        }
        return positions is null ? [] : [.. positions];

        void Add(int start, int end)
        {
            var first = start + (char.IsHighSurrogate(text[start]) ? 2 : 1);
            if (first < end)
                (positions ??= []).Add(first);
        }
    }
}
