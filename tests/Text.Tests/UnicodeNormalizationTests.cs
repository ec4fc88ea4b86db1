using System.Text;
using System.Text.Json;
using FineTuneGrid.Text.Tokenization;

namespace FineTuneGrid.Text.Tests;

public sealed class UnicodeNormalizationTests
{
    [Theory]
    [InlineData(NormalizationForm.FormC, 1)]
    [InlineData(NormalizationForm.FormD, 2)]
    [InlineData(NormalizationForm.FormKC, 3)]
    [InlineData(NormalizationForm.FormKD, 4)]
    public void Normalize_MixedSequences_EqualsPythonsUnicodedata(NormalizationForm form, int column)
    {
        var rows = JsonSerializer.Deserialize<string[][]>(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "normalization.json")))!;
        Assert.Equal(300, rows.Length);
        foreach (var row in rows)
        {
            Assert.Equal(Escape(row[column]), Escape(UnicodeNormalization.Normalize(row[0], form)));
            var aligned = new UnicodeNormalizer(form).Apply(AlignedText.Slice(row[0], 0, row[0].Length));
            Assert.Equal(Escape(row[column]), Escape(aligned.Text));
        }
    }

    private static string Escape(string text) => string.Concat(text.Select(unit => $"\\u{(int)unit:X4}"));
}
