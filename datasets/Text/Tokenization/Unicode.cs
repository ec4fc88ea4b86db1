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

    /// <summary>The class \w: letters, marks, decimal digits, letter numbers, connectors.</summary>
    public static bool IsWord(Rune rune) => Rune.GetUnicodeCategory(rune) is
        <= UnicodeCategory.OtherLetter or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark
        or UnicodeCategory.EnclosingMark or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber
        or UnicodeCategory.ConnectorPunctuation;

    /// <summary>The class \w of Unicode Technical Standard 18: alphabetic, marks, decimal digits, connectors, joiners.</summary>
    public static bool IsUtsWord(Rune rune) => IsWord(rune)
        || rune.Value is 0x200C or 0x200D or (>= 0x24B6 and <= 0x24E9) or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189);

    /// <summary>A rune's lower case, for <see cref="RuneNormalizer"/>. U+0130 is the one whose lower case is longer than one character.</summary>
    public static string Lower(Rune rune)
    {
        if (rune.Value == 0x130)
            return "i\u0307";
        var lower = Rune.ToLowerInvariant(rune);
        return lower == rune ? RuneNormalizer.Unchanged : lower.ToString();
    }

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
