using System.Globalization;
using System.Text;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>
/// A text with one UTF-16 unit per code point. A code point beyond U+FFFF is replaced by a rare character of the same general
/// category (and, for Han, of the same script), so that classes such as \p{L} see what they should.
/// </summary>
internal readonly struct CodePointView
{
    private CodePointView(char[] units, int[] positions, int count)
    {
        _units = units;
        Positions = positions;
        _count = count;
    }

    private readonly char[] _units;
    private readonly int _count;

    public ReadOnlySpan<char> Units => _units.AsSpan(0, _count);

    /// <summary>Where each code point starts in the original; one more entry for the end.</summary>
    public int[] Positions { get; }

    public static CodePointView Of(ReadOnlySpan<char> text)
    {
        var units = new char[text.Length];
        var positions = new int[text.Length + 1];
        var count = 0;
        for (var i = 0; i < text.Length; count++)
        {
            positions[count] = i;
            if (!char.IsSurrogate(text[i]))
            {
                units[count] = text[i++];
                continue;
            }
            var rune = Unicode.At(text, i, out var length);
            units[count] = length == 2 ? StandIn(rune) : text[i];
            i += length;
        }
        positions[count] = text.Length;
        return new CodePointView(units, positions, count);
    }

    private static char StandIn(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter => '\uA640',
        UnicodeCategory.LowercaseLetter => '\uA641',
        UnicodeCategory.ModifierLetter => '\uA717',
        UnicodeCategory.OtherLetter => rune.Value is >= 0x20000 and < 0x40000 ? '\uF900' : '\uA840',
        UnicodeCategory.DecimalDigitNumber => '\uA620',
        UnicodeCategory.LetterNumber => '\uA6E6',
        UnicodeCategory.OtherNumber => '\uA830',
        UnicodeCategory.NonSpacingMark => '\uA66F',
        UnicodeCategory.SpacingCombiningMark => '\uA823',
        UnicodeCategory.EnclosingMark => '\uA670',
        UnicodeCategory.ConnectorPunctuation => '\uFE33',
        UnicodeCategory.DashPunctuation => '\uFE58',
        UnicodeCategory.OpenPunctuation => '\uFE59',
        UnicodeCategory.ClosePunctuation => '\uFE5A',
        UnicodeCategory.OtherPunctuation => '\uA60D',
        UnicodeCategory.CurrencySymbol => '\uA838',
        UnicodeCategory.MathSymbol => '\uFE62',
        UnicodeCategory.ModifierSymbol => '\uA700',
        UnicodeCategory.OtherSymbol => '\uA490',
        UnicodeCategory.Format => '\uFEFF',
        UnicodeCategory.PrivateUse => '\uE000',
        _ => '\uFDD0',
    };
}
