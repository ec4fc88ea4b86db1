using System.Globalization;
using System.Text;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>Character classes as the tokenizer formats mean them.</summary>
internal static class Unicode
{
    public static bool IsNumeric(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    public static bool IsMark(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;

    /// <summary>ASCII punctuation and symbols, and the Unicode categories P*.</summary>
    public static bool IsPunctuation(Rune rune) => rune.IsAscii
        ? rune.Value is (>= 33 and <= 47) or (>= 58 and <= 64) or (>= 91 and <= 96) or (>= 123 and <= 126)
        : Rune.GetUnicodeCategory(rune) is >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation;

    /// <summary>The class \w: letters, marks, decimal digits, letter numbers, connectors.</summary>
    public static bool IsWord(Rune rune) => Rune.GetUnicodeCategory(rune) is
        <= UnicodeCategory.OtherLetter or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark
        or UnicodeCategory.EnclosingMark or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber
        or UnicodeCategory.ConnectorPunctuation;

    /// <summary>The code point at an index; a lone surrogate reads as U+FFFD of one unit.</summary>
    public static Rune At(ReadOnlySpan<char> text, int index, out int units)
    {
        Rune.DecodeFromUtf16(text[index..], out var rune, out units);
        return rune;
    }

    /// <summary>Replaces lone surrogates by U+FFFD, which is what their UTF-8 would be. Keeps the length.</summary>
    public static string WellFormed(string text)
    {
        if (text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
            return text;
        char[]? copy = null;
        for (var i = 0; i < text.Length;)
        {
            if (Rune.DecodeFromUtf16(text.AsSpan(i), out _, out var units) != System.Buffers.OperationStatus.Done)
                (copy ??= text.ToCharArray())[i] = '\uFFFD';
            i += units;
        }
        return copy is null ? text : new string(copy);
    }
}
