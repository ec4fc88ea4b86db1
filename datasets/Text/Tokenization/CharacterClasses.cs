using System.Globalization;
using System.Text;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>What a character is to the splitting patterns of byte-level models.</summary>
internal enum CharacterClass : byte
{
    /// <summary>Neither a letter, a number nor white space.</summary>
    Other,
    Letter,
    Number,
    Space,
    Surrogate,
}

/// <summary>The class of every UTF-16 unit, by table.</summary>
internal static class CharacterClasses
{
    private static readonly CharacterClass[] Table = Build();

    /// <summary>The class of the code point at an index, and its length in units.</summary>
    public static CharacterClass At(ReadOnlySpan<char> text, int index, out int units)
    {
        var found = Table[text[index]];
        units = 1;
        return found == CharacterClass.Surrogate ? OfPair(text, index, out units) : found;
    }

    private static CharacterClass OfPair(ReadOnlySpan<char> text, int index, out int units) =>
        Of(Rune.GetUnicodeCategory(Unicode.At(text, index, out units)));

    private static CharacterClass[] Build()
    {
        var table = new CharacterClass[char.MaxValue + 1];
        for (var i = 0; i < table.Length; i++)
        {
            var unit = (char)i;
            table[i] = char.IsWhiteSpace(unit) ? CharacterClass.Space : Of(CharUnicodeInfo.GetUnicodeCategory(unit));
        }
        return table;
    }

    private static CharacterClass Of(UnicodeCategory category) => category switch
    {
        <= UnicodeCategory.OtherLetter => CharacterClass.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => CharacterClass.Number,
        UnicodeCategory.Surrogate => CharacterClass.Surrogate,
        _ => CharacterClass.Other,
    };
}
