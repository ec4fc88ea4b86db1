namespace FineTuneGrid.Text.Tokenization;

/// <summary>The merges of a BPE model by their pair of ids: open addressing in flat arrays, never changed after it is built.</summary>
internal sealed class PairTable
{
    private const long Free = -1;

    private readonly long[] _keys;
    private readonly BpeMerge[] _merges;
    private readonly int _shift;

    public PairTable(IReadOnlyCollection<KeyValuePair<long, BpeMerge>> merges)
    {
        var bits = 4;
        while (1 << bits < merges.Count * 2)
            bits++;
        _shift = 64 - bits;
        _keys = new long[1 << bits];
        _merges = new BpeMerge[1 << bits];
        Array.Fill(_keys, Free);
        foreach (var (key, merge) in merges)
        {
            var slot = Slot(key);
            while (_keys[slot] != Free)
                slot = (slot + 1) & (_keys.Length - 1);
            (_keys[slot], _merges[slot]) = (key, merge);
        }
    }

    /// <summary>What two neighbouring ids merge to; a rank of <see cref="int.MaxValue"/> where they do not.</summary>
    public BpeMerge Find(int left, int right)
    {
        var key = ((long)left << 32) | (uint)right;
        for (var slot = Slot(key); ; slot = (slot + 1) & (_keys.Length - 1))
        {
            if (_keys[slot] == key)
                return _merges[slot];
            if (_keys[slot] == Free)
                return new BpeMerge(int.MaxValue, 0);
        }
    }

    private int Slot(long key) => (int)((ulong)(key * -7046029254386353131L) >> _shift);
}
