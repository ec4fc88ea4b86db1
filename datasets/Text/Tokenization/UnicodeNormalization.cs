using System.Text;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>The four Unicode normalization forms (Unicode Standard Annex 15; Hangul by arithmetic).</summary>
internal static class UnicodeNormalization
{
    private const int SyllableBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TailBase = 0x11A7;
    private const int LeadCount = 19, VowelCount = 21, TailCount = 28, SyllableCount = LeadCount * VowelCount * TailCount;

    /// <summary>No character below this changes, nor takes part in a change without one at or above it.</summary>
    public static char FirstAffected(NormalizationForm form) => form switch
    {
        NormalizationForm.FormC => '\u0300',
        NormalizationForm.FormD => '\u00C0',
        _ => '\u00A0',
    };

    /// <summary>Whether a text may be cut before this code point without changing its normalization.</summary>
    public static bool IsBoundary(Rune rune, NormalizationForm form)
    {
        if (rune.Value < 0x300 && form is NormalizationForm.FormC or NormalizationForm.FormD)
            return true;
        List<int> parts = [];
        Decompose(rune.Value, Compatible(form), parts);
        var first = parts[0];
        return UnicodeTables.CombiningClass(first) == 0 && !UnicodeTables.CanFollow(first)
            && first is not (>= VowelBase and < VowelBase + VowelCount) and not (> TailBase and < TailBase + TailCount);
    }

    public static string Normalize(ReadOnlySpan<char> text, NormalizationForm form)
    {
        List<int> codes = new(text.Length);
        foreach (var rune in text.EnumerateRunes())
            Decompose(rune.Value, Compatible(form), codes);
        Order(codes);
        if (form is NormalizationForm.FormC or NormalizationForm.FormKC)
            Compose(codes);
        var result = new StringBuilder(text.Length);
        Span<char> units = stackalloc char[2];
        foreach (var code in codes)
            result.Append(units[..new Rune(code).EncodeToUtf16(units)]);
        return result.ToString();
    }

    private static bool Compatible(NormalizationForm form) => form is NormalizationForm.FormKC or NormalizationForm.FormKD;

    private static void Decompose(int code, bool compatible, List<int> into)
    {
        if (code is >= SyllableBase and < SyllableBase + SyllableCount)
        {
            var index = code - SyllableBase;
            into.Add(LeadBase + (index / (VowelCount * TailCount)));
            into.Add(VowelBase + (index % (VowelCount * TailCount) / TailCount));
            if (index % TailCount > 0)
                into.Add(TailBase + (index % TailCount));
            return;
        }
        var parts = UnicodeTables.Decomposition(code, compatible);
        if (parts.IsEmpty)
            into.Add(code);
        foreach (var part in parts)
            Decompose(part, compatible, into);
    }

    // Marks between two starters are sorted by class, stably.
    private static void Order(List<int> codes)
    {
        for (var i = 0; i < codes.Count;)
        {
            var end = i;
            while (end < codes.Count && UnicodeTables.CombiningClass(codes[end]) != 0)
                end++;
            if (end - i > 1)
            {
                var sorted = codes.GetRange(i, end - i).OrderBy(UnicodeTables.CombiningClass).ToList();
                for (var k = 0; k < sorted.Count; k++)
                    codes[i + k] = sorted[k];
            }
            i = end + 1;
        }
    }

    private static void Compose(List<int> codes)
    {
        var starter = -1;
        var previousClass = 0;
        var write = 0;
        for (var read = 0; read < codes.Count; read++)
        {
            var code = codes[read];
            var combining = UnicodeTables.CombiningClass(code);
            var adjacent = starter == write - 1;
            if (starter >= 0 && (adjacent || previousClass < combining) && (adjacent || previousClass != 0) && Pair(codes[starter], code) is { } joined)
            {
                codes[starter] = joined;
                continue;
            }
            if (combining == 0)
                starter = write;
            previousClass = combining;
            codes[write++] = code;
        }
        codes.RemoveRange(write, codes.Count - write);
    }

    private static int? Pair(int first, int second)
    {
        if (first is >= LeadBase and < LeadBase + LeadCount && second is >= VowelBase and < VowelBase + VowelCount)
            return SyllableBase + ((((first - LeadBase) * VowelCount) + (second - VowelBase)) * TailCount);
        if (first is >= SyllableBase and < SyllableBase + SyllableCount && (first - SyllableBase) % TailCount == 0
            && second is > TailBase and < TailBase + TailCount)
            return first + (second - TailBase);
        return UnicodeTables.Compose(first, second);
    }
}
