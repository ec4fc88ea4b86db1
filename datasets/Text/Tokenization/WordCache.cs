namespace FineTuneGrid.Text.Tokenization;

/// <summary>
/// Words and their tokens, so that frequent ones are cut once. A fixed number of places that are written whole, without a lock:
/// a reader sees an entry or none, and a new word takes the place of an older one.
/// </summary>
internal sealed class WordCache
{
    private const int Bits = 16;

    private readonly Entry?[] _entries = new Entry?[1 << Bits];

    public static ulong HashOf(ReadOnlySpan<char> word)
    {
        var hash = (ulong)word.Length;
        foreach (var unit in word)
            hash = (hash ^ unit) * 0x9E3779B97F4A7C15UL;
        return hash ^ (hash >> 29);
    }

    public BpeSymbol[]? Find(ReadOnlySpan<char> word, ulong hash)
    {
        var first = _entries[hash >> (64 - Bits)];
        if (first is not null && first.Hash == hash && word.SequenceEqual(first.Word))
            return first.Symbols;
        var second = _entries[Second(hash)];
        return second is not null && second.Hash == hash && word.SequenceEqual(second.Word) ? second.Symbols : null;
    }

    public void Add(ReadOnlySpan<char> word, ulong hash, BpeSymbol[] symbols)
    {
        var entry = new Entry(word.ToString(), hash, symbols);
        ref var first = ref _entries[hash >> (64 - Bits)];
        if (first is null)
            Volatile.Write(ref first, entry);
        else
            Volatile.Write(ref _entries[Second(hash)], entry);
    }

    private static ulong Second(ulong hash) => (hash >> 8) & ((1UL << Bits) - 1);

    private sealed record Entry(string Word, ulong Hash, BpeSymbol[] Symbols);
}
