using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FineTuneGrid.Text.Tests;

/// <summary>What every code point there is does in normalizers and pre-tokenizers, against Hugging Face's library.</summary>
public sealed class CharacterClassTests
{
    private static readonly JsonNode Reference = JsonNode.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "classes.json")))!;

    // Those that .NET and the reference both know.
    private static readonly Rune[] CodePoints = [.. Enumerable.Range(1, 0x10FFFF).Where(Rune.IsValid).Except(Skipped()).Select(c => new Rune(c))];

    public static TheoryData<string> Normalizers() => [.. Reference["normalizers"]!.AsObject().Select(n => n.Key)];

    [Theory]
    [MemberData(nameof(Normalizers))]
    public void Normalizer_EveryCodePoint_GivesTheReferenceText(string name)
    {
        var parts = name.Split(' ');
        JsonObject section = new() { ["type"] = parts[0] };
        foreach (var option in parts[0] == "BertNormalizer" ? (string[])["clean_text", "handle_chinese_chars", "strip_accents", "lowercase"] : [])
            section[option] = option == parts[1];
        var normalizer = Tokenization.ComponentParser.Normalizer(new Tokenization.Section(JsonSerializer.SerializeToElement(section), "$.normalizer"))!;
        var text = string.Join('\n', CodePoints.Select(c => normalizer.Apply(Tokenization.AlignedText.Slice(c.ToString(), 0, c.Utf16SequenceLength)).Text));
        Assert.Equal(Reference["normalizers"]![name]!.GetValue<string>(), Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))));
    }

    [Theory]
    [InlineData("numeric")]
    [InlineData("punctuation")]
    [InlineData("word")]
    [InlineData("space")]
    public void Class_EveryCodePoint_IsTheReferences(string name)
    {
        Func<Rune, bool> test = name switch
        {
            "numeric" => Tokenization.Unicode.IsNumeric,
            "punctuation" => Tokenization.OlderUnicode.IsPunctuation,
            "word" => Tokenization.Unicode.IsUtsWord,
            _ => Rune.IsWhiteSpace,
        };
        Assert.Equal(Reference[name]!.GetValue<string>(), Ranges(CodePoints.Where(test).Select(c => c.Value)));
    }

    private static IEnumerable<int> Skipped() => Reference["skipped"]!.GetValue<string>().Split(' ').SelectMany(range =>
    {
        var ends = Array.ConvertAll(range.Split('-'), end => int.Parse(end, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
        return Enumerable.Range(ends[0], ends[^1] - ends[0] + 1);
    });

    private static string Ranges(IEnumerable<int> codes)
    {
        List<(int From, int To)> ranges = [];
        foreach (var code in codes)
        {
            if (ranges.Count > 0 && ranges[^1].To == code - 1)
                ranges[^1] = (ranges[^1].From, code);
            else
                ranges.Add((code, code));
        }
        return string.Join(' ', ranges.Select(r => r.From == r.To ? Hex(r.From) : $"{Hex(r.From)}-{Hex(r.To)}"));
    }

    private static string Hex(int code) => code.ToString("x", CultureInfo.InvariantCulture);
}
