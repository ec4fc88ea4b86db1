namespace FineTuneGrid.Text.Tokenization;

/// <summary>
/// Applies byte-pair merges to a row of symbols: always the pair of the lowest rank, the leftmost first. Short rows by scanning,
/// long rows with a heap over a linked list, so that no text costs more than O(n log n).
/// </summary>
internal static class BpeMerger
{
    private const int ScanLimit = 32;

    /// <param name="symbols">Symbols in order; shortened in place.</param>
    public static void Merge(List<BpeSymbol> symbols, IReadOnlyDictionary<long, BpeMerge> merges)
    {
        if (symbols.Count <= ScanLimit)
            Scan(symbols, merges);
        else
            Heap(symbols, merges);
    }

    public static long Key(int left, int right) => ((long)left << 32) | (uint)right;

    private static void Scan(List<BpeSymbol> symbols, IReadOnlyDictionary<long, BpeMerge> merges)
    {
        while (true)
        {
            var best = new BpeMerge(int.MaxValue, 0);
            var at = -1;
            for (var i = 0; i + 1 < symbols.Count; i++)
            {
                if (merges.TryGetValue(Key(symbols[i].Id, symbols[i + 1].Id), out var merge) && merge.Rank < best.Rank)
                    (best, at) = (merge, i);
            }
            if (at < 0)
                return;
            symbols[at] = symbols[at].Join(symbols[at + 1], best.Id);
            symbols.RemoveAt(at + 1);
        }
    }

    private static void Heap(List<BpeSymbol> symbols, IReadOnlyDictionary<long, BpeMerge> merges)
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
            if (!merges.TryGetValue(Key(items[at].Id, items[right].Id), out var merge) || merge.Id != candidate.Id)
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
        symbols.Clear();
        for (var i = 0; i >= 0; i = next[i])
            symbols.Add(items[i]);

        void Offer(int left, int right)
        {
            if (merges.TryGetValue(Key(items[left].Id, items[right].Id), out var merge))
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
