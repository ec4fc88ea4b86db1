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
    public override AlignedText Apply(AlignedText text)
    {
        if (text.Text.AsSpan().IndexOfAnyInRange(UnicodeNormalization.FirstAffected(form), '\uFFFF') < 0)
            return text;
        var builder = new AlignedText.Builder(text.Origin, text.Length);
        for (var i = 0; i < text.Length;)
        {
            var end = SequenceEnd(text.Text, i);
            var sequence = text.Text.AsSpan(i, end - i);
            var normalized = UnicodeNormalization.Normalize(sequence, form);
            if (sequence.SequenceEqual(normalized))
                builder.Append(text, i, end);
            else
                builder.Append(normalized, text.StartOf(i), text.EndOf(end - 1));
            i = end;
        }
        return builder.Build();
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

/// <summary>Rewrites code point by code point; null removes the code point.</summary>
internal sealed class RuneNormalizer(Func<Rune, string?> map) : Normalizer
{
    public override AlignedText Apply(AlignedText text)
    {
        var builder = new AlignedText.Builder(text.Origin, text.Length);
        for (var i = 0; i < text.Length;)
        {
            var rune = Unicode.At(text.Text, i, out var units);
            if (map(rune) is { } mapped)
            {
                if (text.Text.AsSpan(i, units).SequenceEqual(mapped))
                    builder.Append(text, i, i + units);
                else
                    builder.Append(mapped, text.StartOf(i), text.EndOf(i + units - 1));
            }
            i += units;
        }
        return builder.Build();
    }
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
