namespace FineTuneGrid.Text.Tokenization;

/// <summary>Finds all entries of a vocabulary that a text begins with: the entries in ordinal order, narrowed unit by unit.</summary>
internal sealed class PrefixIndex
{
    private readonly string[] _entries;
    private readonly int[] _ids;
    private readonly Dictionary<char, (int From, int To)> _firsts = [];

    /// <param name="entries">An entry's position is its id; of equal entries the last counts.</param>
    public PrefixIndex(IReadOnlyList<string> entries)
    {
        Dictionary<string, int> ids = new(entries.Count, StringComparer.Ordinal);
        for (var id = 0; id < entries.Count; id++)
            ids[entries[id]] = id;
        ids.Remove("");
        _entries = [.. ids.Keys];
        Array.Sort(_entries, StringComparer.Ordinal);
        _ids = Array.ConvertAll(_entries, entry => ids[entry]);
        for (var i = 0; i < _entries.Length; i++)
        {
            var first = _entries[i][0];
            _firsts[first] = (_firsts.TryGetValue(first, out var range) ? range.From : i, i + 1);
        }
    }

    /// <summary>The id of an entry, -1 where there is none.</summary>
    public int Find(ReadOnlySpan<char> text)
    {
        var found = -1;
        var search = Search(text);
        while (search.Next(out var id, out var length))
            found = length == text.Length ? id : -1;
        return found;
    }

    public Prefixes Search(ReadOnlySpan<char> text) => new(this, text);

    /// <summary>One search; yields the entries from short to long.</summary>
    public ref struct Prefixes
    {
        private readonly PrefixIndex _index;
        private readonly ReadOnlySpan<char> _text;
        private int _from;
        private int _to;
        private int _length;

        public Prefixes(PrefixIndex index, ReadOnlySpan<char> text)
        {
            _index = index;
            _text = text;
            if (text.Length > 0 && index._firsts.TryGetValue(text[0], out var range))
                (_from, _to, _length) = (range.From, range.To, 1);
        }

        public bool Next(out int id, out int length)
        {
            (id, length) = (-1, _length);
            while (id < 0 && _from < _to)
            {
                length = _length;
                // The shortest entry of a range comes first.
                if (_index._entries[_from].Length == _length)
                    id = _index._ids[_from++];
                if (_length < _text.Length)
                    Narrow(_text[_length++]);
                else
                    _from = _to;
            }
            return id >= 0;
        }

        private void Narrow(char unit)
        {
            var at = _length - 1;
            _from = Bound(at, unit, _from);
            _to = unit == char.MaxValue ? _to : Bound(at, (char)(unit + 1), _from);
        }

        /// <summary>The first entry of the range whose unit at a position is not below one.</summary>
        private readonly int Bound(int at, char unit, int from)
        {
            var to = _to;
            while (from < to)
            {
                var middle = (from + to) >>> 1;
                if (_index._entries[middle][at] < unit)
                    from = middle + 1;
                else
                    to = middle;
            }
            return from;
        }
    }
}
