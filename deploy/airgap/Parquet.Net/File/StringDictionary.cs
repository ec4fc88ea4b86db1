using System.Buffers;
using Parquet.File.Encodings;

namespace Parquet.File;

/// <summary>Distinct strings of a column and, for each of its values, which one it is.</summary>
internal sealed class StringDictionary
{
    private readonly int[] _indexes;

    private StringDictionary(ReadOnlyMemory<char>[] values, int[] indexes)
    {
        Values = values;
        _indexes = indexes;
    }

    public ReadOnlyMemory<char>[] Values { get; }

    /// <summary>Null when the values are not strings, there are none, or too many of them differ.</summary>
    public static StringDictionary? TryBuild<T>(ReadOnlyMemory<T> column, double threshold) where T : struct
    {
        if (column.Length == 0 || column is not ReadOnlyMemory<ReadOnlyMemory<char>> strings) return null;
        int most = (int)(column.Length * threshold);
        var distinct = new List<ReadOnlyMemory<char>>();
        var known = new Dictionary<string, int>();
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup = known.GetAlternateLookup<ReadOnlySpan<char>>();
        int[] indexes = new int[column.Length];
        ReadOnlySpan<ReadOnlyMemory<char>> values = strings.Span;
        long bytes = 0;
        for (int i = 0; i < values.Length; i++)
        {
            if (!lookup.TryGetValue(values[i].Span, out int index))
            {
                bytes += 4 + values[i].Length * 3L;
                if (distinct.Count >= most || bytes > Limits.PageBytes) return null;
                index = distinct.Count;
                lookup[values[i].Span] = index;
                distinct.Add(values[i]);
            }
            indexes[i] = index;
        }
        return new StringDictionary([.. distinct], indexes);
    }

    public void WriteIndexes(int from, int count, ArrayBufferWriter<byte> into)
    {
        int width = Math.Max(1, RleDecoder.WidthOf(Values.Length - 1));
        into.Write([(byte)width]);
        RleEncoder.Write(_indexes.AsSpan(from, count), width, into);
    }
}
