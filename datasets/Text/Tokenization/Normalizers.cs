using System.Text;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>Rewrites a text before it is split.</summary>
internal abstract class Normalizer
{
    public abstract AlignedText Apply(AlignedText text);
}

internal sealed class SequenceNormalizer(IReadOnlyList<Normalizer> parts) : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        foreach (var part in parts)
            text = part.Apply(text);
        return text;
    }
}

internal sealed class PrependNormalizer(string prefix) : Normalizer
{
    // An empty text stays empty.
    public override AlignedText Apply(AlignedText text) =>
        text.Length == 0 ? text : ByteLevelPreTokenizer.Prefix(Piece.All(text), prefix).Owner;
}

internal sealed class ReplaceNormalizer(TextPattern pattern, string content) : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        List<Match> matches = [];
        pattern.Find(Piece.All(text), matches);
        if (!matches.Exists(m => m.IsMatch))
            return text;
        var builder = new AlignedText.Builder(text.Origin, text.Length);
        foreach (var match in matches)
        {
            if (!match.IsMatch)
            {
                builder.Append(text, match.Start, match.End);
                continue;
            }
            var (start, end) = text.SourceRange(match.Start, match.End);
            builder.Append(content, start, end);
        }
        return builder.Build();
    }
}

/// <summary>Unicode normalization forms. Each changed sequence (a base and its marks) is aligned as a whole.</summary>
internal sealed class UnicodeNormalizer(NormalizationForm form) : Normalizer
{
    // Of each UTF-16 unit: 1 where it stays as it is and a text may be cut before it, 2 where not, 0 where nobody asked yet.
    private readonly byte[] _inert = new byte[char.MaxValue + 1];

    public override AlignedText Apply(AlignedText text)
    {
        if (text.Text.AsSpan().IndexOfAnyInRange(UnicodeNormalization.FirstAffected(form), '\uFFFF') < 0)
            return text;
        AlignedText.Builder? builder = null;
        for (var i = 0; i < text.Length;)
        {
            var plain = i;
            while (plain < text.Length && IsInert(text.Text[plain]))
                plain++;
            // The last one may take part in what follows.
            var start = plain == text.Length || plain == i ? plain : plain - 1;
            builder?.Append(text, i, start);
            i = start == text.Length ? start : Sequence(text, start, ref builder);
        }
        return builder?.Build() ?? text;
    }

    private int Sequence(AlignedText text, int start, ref AlignedText.Builder? builder)
    {
        var end = SequenceEnd(text.Text, start);
        var sequence = text.Text.AsSpan(start, end - start);
        var normalized = UnicodeNormalization.Normalize(sequence, form);
        if (sequence.SequenceEqual(normalized))
        {
            builder?.Append(text, start, end);
            return end;
        }
        if (builder is null)
        {
            builder = new AlignedText.Builder(text.Origin, text.Length);
            builder.Append(text, 0, start);
        }
        builder.Append(normalized, text.StartOf(start), text.EndOf(end - 1));
        return end;
    }

    private bool IsInert(char unit)
    {
        if (unit < UnicodeNormalization.FirstAffected(form))
            return true;
        if (_inert[unit] == 0)
        {
            _inert[unit] = (byte)(!char.IsSurrogate(unit) && UnicodeNormalization.IsBoundary(new Rune(unit), form)
                && UnicodeNormalization.Normalize([unit], form) is [var only] && only == unit ? 1 : 2);
        }
        return _inert[unit] == 1;
    }

    private int SequenceEnd(string text, int start)
    {
        Unicode.At(text, start, out var units);
        var end = start + units;
        while (end < text.Length && !UnicodeNormalization.IsBoundary(Unicode.At(text, end, out units), form))
            end += units;
        return end;
    }
}

/// <summary>Rewrites code point by code point: null removes the code point, <see cref="Unchanged"/> leaves it.</summary>
internal sealed class RuneNormalizer(Func<Rune, string?> map) : Normalizer
{
    /// <summary>Known by reference.</summary>
    public static readonly string Unchanged = new('\0', 1);

    public override AlignedText Apply(AlignedText text)
    {
        AlignedText.Builder? builder = null;
        for (var i = 0; i < text.Length;)
        {
            var rune = Unicode.At(text.Text, i, out var units);
            var mapped = map(rune);
            if (ReferenceEquals(mapped, Unchanged))
            {
                builder?.Append(text, i, i + units);
            }
            else
            {
                builder ??= Before(text, i);
                builder.Append(mapped, text.StartOf(i), text.EndOf(i + units - 1));
            }
            i += units;
        }
        return builder?.Build() ?? text;
    }

    private static AlignedText.Builder Before(AlignedText text, int end)
    {
        var builder = new AlignedText.Builder(text.Origin, text.Length);
        builder.Append(text, 0, end);
        return builder;
    }
}

/// <summary>Every byte of the text's UTF-8 as its character of the byte alphabet.</summary>
internal sealed class ByteLevelNormalizer : Normalizer
{
    public override AlignedText Apply(AlignedText text) => text.Length == 0 ? text : Spell(Piece.All(text)).Owner;

    public static Piece Spell(Piece piece)
    {
        var text = piece.Owner;
        var builder = new AlignedText.Builder(text.SourceRange(piece.Start, piece.Start).Start, piece.Length);
        Span<byte> utf8 = stackalloc byte[4];
        for (var i = piece.Start; i < piece.End;)
        {
            var rune = Unicode.At(text.Text, i, out var units);
            foreach (var value in utf8[..rune.EncodeToUtf8(utf8)])
                builder.Append(ByteAlphabet.CharOf(value), text.StartOf(i), text.EndOf(i + units - 1));
            i += units;
        }
        return Piece.All(builder.Build());
    }
}

/// <summary>The clean-up of SentencePiece's neural machine translation models: control characters go, odd white space is a space.</summary>
internal static class NmtNormalizer
{
    public static string? Map(Rune rune) => rune.Value switch
    {
        (>= 0x01 and <= 0x08) or 0x0B or (>= 0x0E and <= 0x1F) or 0x7F or 0x8F or 0x9F => null,
        0x09 or 0x0A or 0x0C or 0x0D or 0x1680 or (>= 0x200B and <= 0x200F) or 0x2028 or 0x2029 or 0x2581 or 0xFEFF or 0xFFFD => " ",
        _ => RuneNormalizer.Unchanged,
    };
}

internal sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        var start = 0;
        var end = text.Length;
        while (left && start < end && char.IsWhiteSpace(text.Text[start]))
            start++;
        while (right && end > start && char.IsWhiteSpace(text.Text[end - 1]))
            end--;
        if (start == 0 && end == text.Length)
            return text;
        var builder = new AlignedText.Builder(text.Origin, end - start);
        builder.Append(text, start, end);
        return builder.Build();
    }
}
