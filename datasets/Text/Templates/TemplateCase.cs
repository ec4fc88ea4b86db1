using System.Text;

namespace FineTuneGrid.Text.Templates;

/// <summary>Python's upper and lower case where they are longer than the character, or depend on what is beside it.</summary>
internal static class TemplateCase
{
    // Of Unicode's SpecialCasing, what natural text has: sharp s, ligatures, dotted capital I.
    private static readonly (string Letter, string Upper)[] LongUppers =
        [("\u00DF", "SS"), ("\u0149", "\u02BCN"), ("\u01F0", "J\u030C"), ("\uFB00", "FF"), ("\uFB01", "FI"), ("\uFB02", "FL"), ("\uFB03", "FFI"), ("\uFB04", "FFL"), ("\uFB05", "ST"), ("\uFB06", "ST")];

    public static string Upper(string text)
    {
        var upper = text.ToUpperInvariant();
        foreach (var (letter, longer) in LongUppers)
            upper = upper.Replace(letter, longer, StringComparison.Ordinal);
        return upper;
    }

    public static string Lower(string text)
    {
        var lower = text.ToLowerInvariant().Replace("\u0130", "i\u0307", StringComparison.Ordinal);
        return text.Contains('\u03A3') ? FinalSigmas(text, lower) : lower;
    }

    // A capital sigma that ends a word.
    private static string FinalSigmas(string text, string lower)
    {
        var output = new StringBuilder(lower);
        var shift = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\u0130')
                shift++;
            var follows = i + 1 < text.Length && char.IsLetter(text[i + 1]);
            if (text[i] == '\u03A3' && i > 0 && char.IsLetter(text[i - 1]) && !follows)
                output[i + shift] = '\u03C2';
        }
        return output.ToString();
    }
}
