using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>
/// SentencePiece's character map as Hugging Face's library applies it: each grapheme cluster of less than six bytes that begins
/// with an entry becomes that entry's text, whatever follows; else each code point by itself. The map is a double-array trie
/// (Aoe 1989, in darts-clone's layout) over UTF-8, followed by the texts, each ended by a zero byte.
/// </summary>
internal sealed class PrecompiledNormalizer : Normalizer
{
    private const int LongestCluster = 6;

    private readonly uint[] _units;
    private readonly byte[] _texts;

    private PrecompiledNormalizer(uint[] units, byte[] texts)
    {
        _units = units;
        _texts = texts;
    }

    /// <param name="blob">Bytes of the trie (32-bit length, then units), then the texts.</param>
    public static PrecompiledNormalizer Parse(byte[] blob, Section section)
    {
        var size = blob.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(blob) : 0;
        if (size == 0 || size % 4 != 0 || size > blob.Length - 4)
            throw section.Wrong("precompiled_charsmap", "a trie with its length, and the texts after it");
        var units = new uint[size / 4];
        for (var i = 0; i < units.Length; i++)
            units[i] = BinaryPrimitives.ReadUInt32LittleEndian(blob.AsSpan(4 + (i * 4)));
        var texts = blob[(4 + (int)size)..];
        if (!System.Text.Unicode.Utf8.IsValid(texts))
            throw section.Wrong("precompiled_charsmap", "a map to texts in UTF-8");
        return new PrecompiledNormalizer(units, texts);
    }

    public override AlignedText Apply(AlignedText text)
    {
        AlignedText.Builder? builder = null;
        for (var i = 0; i < text.Length;)
        {
            var end = i + StringInfo.GetNextTextElementLength(text.Text.AsSpan(i));
            var cluster = text.Text.AsSpan(i, end - i);
            if (Encoding.UTF8.GetByteCount(cluster) < LongestCluster && Find(cluster) is { } whole)
                Changed(text, i, end, whole, ref builder);
            else
                CodePoints(text, i, end, ref builder);
            i = end;
        }
        return builder?.Build() ?? text;
    }

    private void CodePoints(AlignedText text, int start, int end, ref AlignedText.Builder? builder)
    {
        for (var i = start; i < end;)
        {
            Unicode.At(text.Text, i, out var units);
            if (Find(text.Text.AsSpan(i, units)) is { } mapped)
                Changed(text, i, i + units, mapped, ref builder);
            else
                builder?.Append(text, i, i + units);
            i += units;
        }
    }

    private static void Changed(AlignedText text, int start, int end, string mapped, ref AlignedText.Builder? builder)
    {
        if (builder is null)
        {
            builder = new AlignedText.Builder(text.Origin, text.Length);
            builder.Append(text, 0, start);
        }
        builder.Append(mapped, text.StartOf(start), text.EndOf(end - 1));
    }

    /// <summary>The text of the shortest entry that these characters begin with; null where there is none.</summary>
    private string? Find(ReadOnlySpan<char> characters)
    {
        Span<byte> utf8 = stackalloc byte[characters.Length * 3];
        utf8 = utf8[..Encoding.UTF8.GetBytes(characters, utf8)];
        var at = Offset(_units[0]);
        foreach (var value in utf8)
        {
            at ^= value;
            if (value == 0 || at >= _units.Length || (_units[at] & 0x800000FF) != value)
                return null;
            var unit = _units[at];
            at ^= Offset(unit);
            if ((unit & 0x100) != 0)
                return at < _units.Length ? Text((int)(_units[at] & 0x7FFFFFFF)) : null;
        }
        return null;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);

    private string? Text(int start)
    {
        if (start >= _texts.Length)
            return null;
        var rest = _texts.AsSpan(start);
        var length = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(length < 0 ? rest : rest[..length]);
    }
}
