using System.Text.Json;

namespace FineTuneGrid.Text.Tests;

/// <summary>Ids and texts must equal those of the reference implementation for every shape and every tricky string.</summary>
public sealed class TokenizerReferenceTests
{
    public static TheoryData<string> Cases()
    {
        TheoryData<string> data = [];
        foreach (var folder in Folders())
        {
            foreach (var file in Directory.GetFiles(folder, "*.case.json").Order(StringComparer.Ordinal))
                data.Add(file);
        }
        return data;
    }

    [Fact]
    public void Cases_OfTheRepository_AreAllFound() =>
        Assert.Equal(24, Directory.GetFiles(Folders()[0], "*.case.json").Length);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Encode_TrickyStrings_GivesTheReferenceIds(string file)
    {
        var (tokenizer, strings, cases) = Load(file);
        List<string> wrong = [];
        for (var i = 0; i < strings.Length; i++)
        {
            var expected = Ids(cases[i].GetProperty("ids"));
            var full = cases[i].TryGetProperty("full", out var value) ? Ids(value) : expected;
            Compare(strings[i], expected, tokenizer.Encode(strings[i], addSpecialTokens: false), wrong);
            Compare(strings[i], full, tokenizer.Encode(strings[i], addSpecialTokens: true), wrong);
            if (!cases[i].TryGetProperty("pair", out var pair))
                continue;
            var (ids, types) = tokenizer.EncodePair(strings[i], "The river waits");
            Compare(strings[i], Ids(pair), ids, wrong);
            Compare(strings[i], Ids(cases[i].GetProperty("types")), types, wrong);
        }
        Assert.True(wrong.Count == 0, $"{wrong.Count} wrong:\n" + string.Join('\n', wrong.Take(12)));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Decode_ReferenceIds_GivesTheReferenceText(string file)
    {
        var (tokenizer, strings, cases) = Load(file);
        List<string> wrong = [];
        for (var i = 0; i < strings.Length; i++)
        {
            var expected = cases[i].TryGetProperty("decoded", out var value) ? value.GetString()! : strings[i];
            var actual = tokenizer.Decode(Ids(cases[i].GetProperty("ids")));
            if (actual != expected)
                wrong.Add($"{JsonSerializer.Serialize(strings[i])}: expected {JsonSerializer.Serialize(expected)}, was {JsonSerializer.Serialize(actual)}");
        }
        Assert.True(wrong.Count == 0, $"{wrong.Count} wrong:\n" + string.Join('\n', wrong.Take(12)));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void EncodeWithOffsets_TrickyStrings_RangesAreOrderedAndInside(string file)
    {
        var (tokenizer, strings, _) = Load(file);
        foreach (var text in strings)
        {
            var tokens = tokenizer.EncodeWithOffsets(text, addSpecialTokens: true);
            for (var i = 0; i < tokens.Count; i++)
            {
                Assert.InRange(tokens.Starts[i], i == 0 ? 0 : tokens.Starts[i - 1], text.Length);
                Assert.InRange(tokens.Ends[i], tokens.Starts[i], text.Length);
            }
        }
    }

    private static List<string> Folders()
    {
        List<string> folders = [Path.Combine(AppContext.BaseDirectory, "Fixtures", "tokenizers")];
        if (Environment.GetEnvironmentVariable("FTG_TOKENIZER_CASES") is { Length: > 0 } more)
            folders.Add(more);
        return folders;
    }

    private static (Tokenizer Tokenizer, string[] Strings, JsonElement[] Cases) Load(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        var tokenizer = Tokenizer.Parse(JsonSerializer.SerializeToUtf8Bytes(document.RootElement.GetProperty("tokenizer")));
        var strings = JsonSerializer.Deserialize<string[]>(File.ReadAllBytes(Path.Combine(Path.GetDirectoryName(file)!, "strings.json")))!;
        var cases = document.RootElement.GetProperty("cases").EnumerateArray().Select(c => c.Clone()).ToArray();
        Assert.Equal(strings.Length, cases.Length);
        Assert.True(strings.Length >= 400);
        return (tokenizer, strings, cases);
    }

    private static int[] Ids(JsonElement list) => [.. list.EnumerateArray().Select(id => id.GetInt32())];

    private static void Compare(string text, int[] expected, int[] actual, List<string> wrong)
    {
        if (!expected.AsSpan().SequenceEqual(actual))
            wrong.Add($"{JsonSerializer.Serialize(text)}: expected [{string.Join(',', expected)}], was [{string.Join(',', actual)}]");
    }
}
