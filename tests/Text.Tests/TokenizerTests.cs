using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Text.Tests;

public sealed class TokenizerTests
{
    [Theory]
    [InlineData("""{"model":{"type":"Unigram","vocab":[]}}""", "vocab")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"normalizer":{"type":"Precompiled"}}""", "precompiled_charsmap")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}""", "merges[0]")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}}""", "one token an id")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"a":1},"merges":[]}}""", "Duplicate")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":2000000000},"merges":[]}}""", "2000000000")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}}""", "dropout")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"unk_token":"?"}}""", "unk_token")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"added_tokens":[{"id":0,"content":"b"}]}""", "added_tokens[0].id")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a"},"behavior":"Isolated"}}""", "pattern")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a)\\1"},"behavior":"Isolated"}}""", "\\1")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"a"},"behavior":"Sometimes"}}""", "Isolated")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"post_processor":{"type":"TemplateProcessing","single":[],"special_tokens":{}}}""", "single")]
    [InlineData("""[1]""", "object")]
    [InlineData("""{"model":""", "JSON")]
    public void Parse_BadFile_NamesWhatIsWrong(string json, string named)
    {
        var problem = Assert.Throws<GridException>(() => Tokenizer.Parse(Encoding.UTF8.GetBytes(json)));
        Assert.Equal(ErrorCodes.InvalidTokenizer, problem.Code);
        Assert.Contains(named, problem.Message, StringComparison.Ordinal);
        Assert.NotNull(problem.Field);
    }

    [Fact]
    public void Parse_DeepNesting_IsRefused()
    {
        var json = string.Concat(Enumerable.Repeat("[", 100_000));
        Assert.Equal(ErrorCodes.InvalidTokenizer, Assert.Throws<GridException>(() => Tokenizer.Parse(Encoding.UTF8.GetBytes(json))).Code);
    }

    [Fact]
    public void Encode_CatastrophicPattern_StopsWithATypedError()
    {
        var tokenizer = Build(new JsonObject { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = "(?:a|aa|aaa)+[0-9]" }, ["behavior"] = "Isolated" });
        var problem = Assert.Throws<GridException>(() => tokenizer.Encode(new string('a', 60) + "!1"));
        Assert.Equal(ErrorCodes.InvalidTokenizer, problem.Code);
    }

    [Theory]
    [InlineData("llama2")]
    [InlineData("gpt2")]
    [InlineData("qwen2")]
    public void Encode_OneMegabyteWithoutASpace_TakesNoQuadraticTime(string shape)
    {
        var tokenizer = Load(shape);
        foreach (var text in new[] { new string('e', 1 << 20), new string(' ', 1 << 20), string.Concat(Enumerable.Repeat("the", 1 << 18)), string.Concat(Enumerable.Repeat("e\u0301\u0323", 1 << 17)) })
        {
            var watch = Stopwatch.StartNew();
            var ids = tokenizer.Encode(text);
            Assert.NotEmpty(ids);
            // A quadratic merge would take minutes.
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"{shape}: {watch.Elapsed}");
        }
    }

    [Fact]
    public void EncodeWithOffsets_EveryShapeWithoutRewriting_PointsAtTheSource()
    {
        const string text = "The river carries 42 windows, déjà vu 😀!";
        var tokens = Load("llama3").EncodeWithOffsets(text, addSpecialTokens: false);
        var covered = new bool[text.Length];
        for (var i = 0; i < tokens.Count; i++)
        {
            for (var at = tokens.Starts[i]; at < tokens.Ends[i]; at++)
                covered[at] = true;
        }
        Assert.DoesNotContain(false, covered);
        var spaced = Load("llama2").EncodeWithOffsets("ab cd", addSpecialTokens: false);
        Assert.Equal(0, spaced.Starts[0]);
        Assert.Equal(5, spaced.Ends[^1]);
    }

    [Fact]
    public void Encode_WithoutSpecialParsing_TakesSpecialTokensAsText()
    {
        var tokenizer = Load("llama3");
        var id = tokenizer.IdOf("<|eot_id|>")!.Value;
        Assert.Contains(id, tokenizer.Encode("a<|eot_id|>b"));
        var plain = tokenizer.Encode("a<|eot_id|>b", addSpecialTokens: false, parseSpecial: false);
        Assert.DoesNotContain(id, plain);
        Assert.Equal("a<|eot_id|>b", tokenizer.Decode(plain, skipSpecialTokens: false));
    }

    [Fact]
    public void Encode_LoneSurrogate_BecomesTheReplacementCharacter()
    {
        var tokenizer = Load("gpt2");
        Assert.Equal(tokenizer.Encode("a\uFFFDb"), tokenizer.Encode("a\uD83Db"));
    }

    [Fact]
    public void Encode_FromManyThreads_GivesTheSameIds()
    {
        var tokenizer = Load("qwen2");
        var texts = Enumerable.Range(0, 200).Select(i => $"The river {i} carries {i * 7919} windows é{i}").ToArray();
        var expected = texts.Select(t => tokenizer.Encode(t)).ToArray();
        var fresh = Load("qwen2");
        Parallel.For(0, 2000, i => Assert.Equal(expected[i % texts.Length], fresh.Encode(texts[i % texts.Length])));
    }

    [Fact]
    public void Decode_NamesWithoutDecoder_AreJoinedBySpaces()
    {
        var tokenizer = Build(preTokenizer: null);
        Assert.Equal("a b", tokenizer.Decode([0, 1]));
        Assert.Equal(2, tokenizer.VocabularySize);
        Assert.Null(tokenizer.TokenOf(99));
    }

    private static Tokenizer Build(JsonObject? preTokenizer) => Tokenizer.Parse(Encoding.UTF8.GetBytes(new JsonObject
    {
        ["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = new JsonObject { ["a"] = 0, ["b"] = 1 }, ["merges"] = new JsonArray() },
        ["pre_tokenizer"] = preTokenizer,
    }.ToJsonString()));

    private static Tokenizer Load(string shape)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "tokenizers", shape + ".case.json")));
        return Tokenizer.Parse(JsonSerializer.SerializeToUtf8Bytes(document.RootElement.GetProperty("tokenizer")));
    }
}
