namespace FineTuneGrid.Text.Tokenization;

/// <summary>
/// Applies byte-pair merges to a row of symbols: always the pair of the lowest rank, the leftmost first. Short rows by scanning,
/// long rows with a heap over a linked list, so that no text costs more than O(n log n).
/// </summary>
internal static class BpeMerger
{
    private const int ScanLimit = 64;

    /// <param name="symbols">Symbols in order; shortened in place.</param>
    /// <returns>How many there are then.</returns>
    public static int Merge(Span<BpeSymbol> symbols, PairTable merges) =>
        symbols.Length <= ScanLimit ? Scan(symbols, merges) : Heap(symbols, merges);

    public static long Key(int left, int right) => ((long)left << 32) | (uint)right;

    private static int Scan(Span<BpeSymbol> symbols, PairTable merges)
    {
        // The merge of each symbol with the one after it.
        Span<BpeMerge> pairs = stackalloc BpeMerge[ScanLimit];
        var count = symbols.Length;
        for (var i = 0; i + 1 < count; i++)
            pairs[i] = merges.Find(symbols[i].Id, symbols[i + 1].Id);
        while (true)
        {
            var (at, rank) = (-1, int.MaxValue);
            for (var i = 0; i + 1 < count; i++)
            {
                if (pairs[i].Rank < rank)
                    (at, rank) = (i, pairs[i].Rank);
            }
            if (at < 0)
                return count;
            symbols[at] = symbols[at].Join(symbols[at + 1], pairs[at].Id);
            symbols[(at + 2)..count].CopyTo(symbols[(at + 1)..]);
            pairs[(at + 1)..count].CopyTo(pairs[at..]);
            count--;
            if (at + 1 < count)
                pairs[at] = merges.Find(symbols[at].Id, symbols[at + 1].Id);
            if (at > 0)
                pairs[at - 1] = merges.Find(symbols[at - 1].Id, symbols[at].Id);
        }
    }

    private static int Heap(Span<BpeSymbol> symbols, PairTable merges)
    {
        var items = symbols.ToArray();
        var previous = new int[items.Length];
        var next = new int[items.Length];
        var alive = new bool[items.Length];
        var queue = new PriorityQueue<(int At, int Id), long>();
        for (var i = 0; i < items.Length; i++)
        {
            previous[i] = i - 1;
            next[i] = i + 1 < items.Length ? i + 1 : -1;
            alive[i] = true;
        }
        for (var i = 0; i + 1 < items.Length; i++)
            Offer(i, i + 1);
        while (queue.TryDequeue(out var candidate, out _))
        {
            var at = candidate.At;
            if (!alive[at] || next[at] < 0)
                continue;
            var right = next[at];
            // The pair may have changed since it was queued.
            var merge = merges.Find(items[at].Id, items[right].Id);
            if (merge.Rank == int.MaxValue || merge.Id != candidate.Id)
                continue;
            items[at] = items[at].Join(items[right], merge.Id);
            alive[right] = false;
            next[at] = next[right];
            if (next[at] >= 0)
            {
                previous[next[at]] = at;
                Offer(at, next[at]);
            }
            if (previous[at] >= 0)
                Offer(previous[at], at);
        }
        var count = 0;
        for (var i = 0; i >= 0; i = next[i])
            symbols[count++] = items[i];
        return count;

        void Offer(int left, int right)
        {
            var merge = merges.Find(items[left].Id, items[right].Id);
            if (merge.Rank < int.MaxValue)
                queue.Enqueue((left, merge.Id), ((long)merge.Rank << 32) | (uint)left);
        }
    }
}

/// <summary>The rank of a merge (lower first) and the id that it makes.</summary>
internal readonly record struct BpeMerge(int Rank, int Id);

/// <summary>A symbol with its range in the piece, in UTF-16 units.</summary>
internal readonly record struct BpeSymbol(int Id, int Start, int End)
{
    public BpeSymbol Join(BpeSymbol right, int id) => new(id, Start, right.End);
}
