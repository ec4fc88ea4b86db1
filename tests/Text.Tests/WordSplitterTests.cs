using System.Text.Json;
using FineTuneGrid.Text.Tokenization;

namespace FineTuneGrid.Text.Tests;

/// <summary>The splitters that are written out give what their regular expressions give.</summary>
public sealed class WordSplitterTests
{
    public const string Llama3 = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    public const string Qwen2 = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    // One or more of every kind that a pattern tells apart, and what stands at its borders.
    private static readonly string[] Atoms =
    [
        " ", " ", "  ", "\n", "\r", "\r\n", "\t", "\u00A0", "\u3000", "\u0085", "\u2028", "a", "Z", "é", "e\u0301", "漢", "ſ", "K", "İ", "\uD835\uDC00", "\uD842\uDF9F",
        "1", "23", "٣", "Ⅷ", "²", "\uD835\uDFD9", "'", "'s", "'S", "'ſ", "'t", "'re", "'RE", "'rE", "'ve", "'m", "'ll", "'lL", "'d", "'x", ".", ",", "!?", "_", "-", "…", "€", "\uD83D\uDE00",
        "\u200D", "\u0301", "\uFFFD", "\u0000", "\uE000", "\uFDD0", "s", "t", "l", "r",
    ];

    [Theory]
    [InlineData(ByteLevelPreTokenizer.Pattern)]
    [InlineData(Llama3)]
    [InlineData(Qwen2)]
    public void End_RandomTexts_EqualsTheRegularExpression(string pattern)
    {
        var regex = new RegexPattern(pattern, "pattern");
        Assert.NotNull(regex.Words);
        var random = new Random(5);
        var strings = JsonSerializer.Deserialize<string[]>(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "tokenizers", "strings.json")))!;
        foreach (var text in strings.Concat(Enumerable.Range(0, 30_000).Select(_ => string.Concat(Enumerable.Range(0, random.Next(1, 9)).Select(_ => Atoms[random.Next(Atoms.Length)])))))
        {
            List<Match> matches = [];
            regex.Find(Piece.All(AlignedText.Slice(text, 0, text.Length)), matches);
            List<int> ends = [];
            for (var at = 0; at < text.Length; ends.Add(at))
                at = regex.Words.End(text, at);
            Assert.True(matches.Select(m => m.End).SequenceEqual(ends),
                $"{JsonSerializer.Serialize(text)}: the pattern ends words at {string.Join(' ', matches.Select(m => m.End))}, the splitter at {string.Join(' ', ends)}");
        }
    }

    [Fact]
    public void Of_AnotherPattern_IsNull() => Assert.Null(new RegexPattern(@"\p{N}{1,3}|\p{L}+", "pattern").Words);
}
