using System.Globalization;
using System.Text;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>BERT's clean-up: control characters go, white space is a space, Han stands apart, accents and capitals go.</summary>
internal static class BertNormalizer
{
    public static Normalizer Create(bool cleanText, bool handleChinese, bool stripAccents, bool lowercase)
    {
        List<Normalizer> parts = [];
        if (cleanText)
            parts.Add(new RuneNormalizer(Clean));
        if (handleChinese)
            parts.Add(new RuneNormalizer(rune => IsHan(rune.Value) ? $" {rune} " : RuneNormalizer.Unchanged));
        if (stripAccents)
        {
            parts.Add(new UnicodeNormalizer(NormalizationForm.FormD));
            parts.Add(new RuneNormalizer(rune => OlderUnicode.IsNonSpacingMark(rune) ? null : RuneNormalizer.Unchanged));
        }
        if (lowercase)
            parts.Add(new RuneNormalizer(Unicode.Lower));
        return new SequenceNormalizer(parts);
    }

    private static string? Clean(Rune rune)
    {
        if (rune.Value is '\t' or '\n' or '\r')
            return " ";
        if (rune.Value is 0 or 0xFFFD || IsControl(rune))
            return null;
        return rune.Value != ' ' && Rune.IsWhiteSpace(rune) ? " " : RuneNormalizer.Unchanged;
    }

    // The reference's table is that of Unicode 8, in which these format characters did not exist.
    private static bool IsControl(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.Control or UnicodeCategory.PrivateUse => true,
        UnicodeCategory.Format => rune.Value is not (0x890 or 0x891 or 0x8E2 or 0x110CD or (>= 0x13430 and <= 0x1343F)),
        _ => false,
    };

    private static bool IsHan(int code) => code is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF)
        or (>= 0x2A700 and <= 0x2B73F) or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
}
