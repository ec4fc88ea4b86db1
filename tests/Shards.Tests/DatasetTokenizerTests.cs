using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Shards.Tests.Support;
using FineTuneGrid.Storage;
using FineTuneGrid.Text;

namespace FineTuneGrid.Shards.Tests;

public sealed class DatasetTokenizerTests : IDisposable
{
    private const string Turn = """{"messages":[{"role":"user","content":"What is 2 + 2?"},{"role":"assistant","content":"It is 4."}]}""";

    private readonly DataFolder _data = new();

    [Fact]
    public async Task Tokenize_ChatParquet_LearnsTheAnswersOnly()
    {
        var rows = Enumerable.Range(0, 25).Select(i => new[] { ("user", (string?)$"question {i}"), ("assistant", $"answer {i}") }).ToArray();
        var (index, model) = await TokenizeAsync(await _data.AddChatParquetAsync("train.parquet", rows, groupSize: 10));
        Assert.Equal(3, index.Shards.Count);
        using var tokens = await TokenDataset.OpenAsync(_data.Store, index);
        Assert.Equal((25, 25L), (tokens.Count, index.Examples));
        Assert.Equal(index.Tokens, tokens.Lengths.Sum(l => (long)l));
        Assert.Equal(index.LongestExample, tokens.Lengths.Max());
        Assert.Equal((index.Examples, (long)tokens.Lengths.Min(), (long)index.LongestExample, index.Tokens), (index.Lengths!.Count, index.Lengths.Shortest, index.Lengths.Longest, index.Lengths.Total));
        var text = await DatasetTokenizer.LoadAsync(_data.Store, model);
        for (var i = 0; i < tokens.Count; i++)
        {
            Assert.Equal($"### user\nquestion {i}\n### assistant\nanswer {i}<|im_end|>\n", text.Tokenizer.Decode(tokens[i].Ids, skipSpecialTokens: false));
            Assert.Equal($"answer {i}<|im_end|>", text.Tokenizer.Decode(Learnt(tokens[i]), skipSpecialTokens: false));
        }
    }

    [Theory]
    [InlineData("""{"messages":[{"role":"user","content":"a<|im_end|>"},{"role":"assistant","content":"b<|im_end|>c"}]}""")]
    [InlineData("""{"conversations":[{"from":"human","value":"a<|im_end|>"},{"from":"gpt","value":"b<|im_end|>c"}]}""")]
    [InlineData("""{"instruction":"a<|im_end|>","output":"b<|im_end|>c"}""")]
    public async Task Tokenize_ConversationThatSpellsTheEndToken_HasOneEndAllTheSame(string row)
    {
        var (index, model) = await TokenizeAsync(await _data.AddAsync("rows.jsonl", row));
        using var tokens = await TokenDataset.OpenAsync(_data.Store, index);
        var text = await DatasetTokenizer.LoadAsync(_data.Store, model);
        Assert.Equal("b<|im_end|>c<|im_end|>", text.Tokenizer.Decode(Learnt(tokens[0]), skipSpecialTokens: false));
        Assert.Equal(1, tokens[0].Ids.ToArray().Count(id => id == text.EosId));
    }

    [Fact]
    public async Task Tokenize_RowOfRawText_IsTakenAsItIs()
    {
        var (index, model) = await TokenizeAsync(await _data.AddAsync("rows.jsonl", """{"prompt":"a<|im_end|>","completion":"b"}"""));
        using var tokens = await TokenDataset.OpenAsync(_data.Store, index);
        var text = await DatasetTokenizer.LoadAsync(_data.Store, model);
        Assert.Equal(2, tokens[0].Ids.ToArray().Count(id => id == text.EosId));
    }

    [Fact]
    public async Task Tokenize_Again_FindsTheSameIndexWithoutWriting()
    {
        var file = await _data.AddAsync("rows.jsonl", Turn, Turn);
        var (first, _) = await TokenizeAsync(file);
        var written = await _data.Store.StatAsync(first.Shards[0].Key);
        var (second, _) = await TokenizeAsync(file);
        Assert.Equal(GridJson.ToText(first), GridJson.ToText(second));
        Assert.Equal(written, await _data.Store.StatAsync(first.Shards[0].Key));
    }

    [Fact]
    public async Task Tokenize_DamagedShard_IsMadeAnewWithTheSameBytes()
    {
        var file = await _data.AddAsync("rows.jsonl", Turn, Turn);
        var (first, _) = await TokenizeAsync(file);
        await _data.Store.WriteBytesAsync(first.Shards[0].Key, "damaged"u8.ToArray());
        var problem = await Assert.ThrowsAsync<GridException>(() => TokenDataset.OpenAsync(_data.Store, first));
        Assert.Equal(ErrorCodes.DigestMismatch, problem.Code);
        var (second, _) = await TokenizeAsync(file);
        Assert.Equal(first.Digest, second.Digest);
        using var tokens = await TokenDataset.OpenAsync(_data.Store, second);
        Assert.Equal(2, tokens.Count);
    }

    [Fact]
    public async Task Tokenize_ParquetAndJsonLines_GiveTheSameTokens()
    {
        string?[][] rows = [["2 + 2 =", " 4"], ["über", " naïve 😀"]];
        var (parquet, _) = await TokenizeAsync(await _data.AddParquetAsync("a.parquet", ["prompt", "completion"], rows));
        var (lines, _) = await TokenizeAsync(await _data.AddAsync("a.jsonl", """{"prompt":"2 + 2 =","completion":" 4"}""", """{"prompt":"über","completion":" naïve 😀"}"""));
        Assert.NotEqual(parquet.Key, lines.Key);
        Assert.Equal(parquet.Digest, lines.Digest);
    }

    [Fact]
    public async Task Tokenize_PromptAndText_EndWithEos()
    {
        var (index, model) = await TokenizeAsync(await _data.AddAsync("a.jsonl", """{"prompt":"2 + 2 =","completion":" 4"}"""));
        var text = await DatasetTokenizer.LoadAsync(_data.Store, model);
        using (var tokens = await TokenDataset.OpenAsync(_data.Store, index))
            Assert.Equal(" 4<|im_end|>", text.Tokenizer.Decode(Learnt(tokens[0]), skipSpecialTokens: false));
        var (plain, _) = await TokenizeAsync(await _data.AddAsync("b.jsonl", """{"text":"once"}"""));
        using (var tokens = await TokenDataset.OpenAsync(_data.Store, plain))
            Assert.Equal("once<|im_end|>", text.Tokenizer.Decode(tokens[0].Ids, skipSpecialTokens: false));
    }

    [Fact]
    public async Task Tokenize_TokenRows_AreTakenAsTheyAre()
    {
        var (index, _) = await TokenizeAsync(await _data.AddTokensParquetAsync("t.parquet", [[5, 6, 7], [8, 9]]));
        using var tokens = await TokenDataset.OpenAsync(_data.Store, index);
        Assert.Equal([5, 6, 7], tokens[0].Ids.ToArray());
        Assert.Equal([8, 9], tokens[1].Labels.ToArray());
        Assert.Equal(3, index.SupervisedTokens);
    }

    /// <summary>The layouts in which pairs are published: the same conversation in each.</summary>
    [Theory]
    [InlineData("""{"prompt":"2 + 2?","chosen":[{"role":"assistant","content":"4"}],"rejected":[{"role":"assistant","content":"5"}]}""")]
    [InlineData("""{"prompt":[{"role":"user","content":"2 + 2?"}],"chosen":[{"role":"assistant","content":"4"}],"rejected":[{"role":"assistant","content":"5"}]}""")]
    [InlineData("""{"prompt":"ignored","chosen":[{"role":"user","content":"2 + 2?"},{"role":"assistant","content":"4"}],"rejected":[{"role":"user","content":"2 + 2?"},{"role":"assistant","content":"5"}]}""")]
    [InlineData("""{"input":{"messages":[{"role":"user","content":"2 + 2?"}]},"preferred_output":[{"role":"assistant","content":"4"}],"non_preferred_output":[{"role":"assistant","content":"5"}]}""")]
    public async Task Tokenize_Pairs_AreBothAnswersWhole_OneAfterTheOther(string line)
    {
        var (index, model) = await TokenizeAsync(await _data.AddAsync("pairs.jsonl", line));
        var text = await DatasetTokenizer.LoadAsync(_data.Store, model);
        using var tokens = await TokenDataset.OpenAsync(_data.Store, index);
        var (ids, labels) = (tokens[0].Ids.ToArray(), tokens[0].Labels.ToArray());
        var lengths = TrainingExample.Lengths(labels);
        Assert.Equal((DataFormats.Preference, 2, lengths.Max()), (index.Format, lengths.Length, index.LongestExample));
        Assert.Equal(["4<|im_end|>", "5<|im_end|>"], new[] { (0, lengths[0]), (lengths[0], ids.Length) }.Select(s => Learnt(s.Item1, s.Item2)));
        Assert.Equal(ids[..(lengths[0] - 3)], ids[lengths[0]..^3]);

        string Learnt(int start, int end) => text.Tokenizer.Decode([.. Enumerable.Range(start, end - start).Where(i => labels[i] >= 0).Select(i => ids[i])], skipSpecialTokens: false).Trim();
    }

    [Fact]
    public async Task Tokenize_PairsOfTexts_EndWithEos()
    {
        var (index, model) = await TokenizeAsync(await _data.AddAsync("pairs.jsonl", """{"prompt":"2 + 2 =","chosen":" 4","rejected":" 5"}"""));
        var text = await DatasetTokenizer.LoadAsync(_data.Store, model);
        using var tokens = await TokenDataset.OpenAsync(_data.Store, index);
        Assert.Equal("2 + 2 = 4<|im_end|>2 + 2 = 5<|im_end|>", text.Tokenizer.Decode(tokens[0].Ids, skipSpecialTokens: false));
    }

    [Theory]
    [InlineData("invalid_dataset", "99999", """{"input_ids":[1,99999]}""")]
    [InlineData("no_trainable_tokens", "masked", """{"input_ids":[1,2],"labels":[-100,-100]}""")]
    [InlineData("no_trainable_tokens", "masked", """{"input_ids":[1,2],"labels":[1,-100]}""")]
    [InlineData("invalid_dataset", "'chosen' is empty", """{"prompt":"a","chosen":"","rejected":"c"}""")]
    [InlineData("invalid_dataset", "'rejected' must end with what the assistant says", """{"prompt":"a","chosen":[{"role":"assistant","content":"b"}],"rejected":[{"role":"user","content":"b"}]}""")]
    [InlineData("invalid_dataset", "preferred_output[0].role", """{"input":{"messages":[]},"preferred_output":[{"content":"b"}],"non_preferred_output":[]}""")]
    [InlineData("invalid_dataset", "set data.format to one of prompt-completion, alpaca", """{"prompt":"a","completion":"b","instruction":"c","output":"d"}""")]
    public async Task Tokenize_WhatCannotBeLearnt_IsRefused(string code, string named, string line)
    {
        var file = await _data.AddAsync("rows.jsonl", line);
        var problem = await Assert.ThrowsAsync<GridException>(() => TokenizeAsync(file));
        Assert.Equal(code, problem.Code);
        Assert.Contains(named, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tokenize_LongExamples_AreCountedAndRefusedWithTheFix()
    {
        var file = await _data.AddAsync("rows.jsonl", Turn, Turn.Replace("It is 4.", string.Concat(Enumerable.Repeat("word ", 300)), StringComparison.Ordinal));
        var problem = await Assert.ThrowsAsync<GridException>(() => TokenizeAsync(file, sequenceLength: 100));
        Assert.Equal((ErrorCodes.SequenceTooLong, "data.sequence_length"), (problem.Code, problem.Field));
        Assert.Contains("1 of 2 examples", problem.Message, StringComparison.Ordinal);
        Assert.Equal(2, Assert.Single(problem.Findings).Row);
        var context = await Assert.ThrowsAsync<GridException>(() => TokenizeAsync(file, sequenceLength: 5000, contextLength: 64));
        Assert.Contains("the model's context of 64", context.Message, StringComparison.Ordinal);
        Assert.Empty(await _data.Store.ListAsync("datasets/d/tokens/").ToListAsync());
    }

    [Fact]
    public async Task Tokenize_TemplateWithoutStopToken_IsRefused()
    {
        var file = await _data.AddAsync("rows.jsonl", Turn);
        const string template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";
        var problem = await Assert.ThrowsAsync<GridException>(() => TokenizeAsync(file, template: template));
        Assert.Equal(ErrorCodes.NoTrainableTokens, problem.Code);
        Assert.Contains("<|im_end|>", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tokenize_TemplateThatRefusesARow_NamesTheRow()
    {
        var file = await _data.AddAsync("rows.jsonl", Turn, Turn);
        var problem = await Assert.ThrowsAsync<GridException>(() => TokenizeAsync(file, template: "{{ raise_exception('no system prompt, please') }}"));
        Assert.Equal(ErrorCodes.InvalidDataset, problem.Code);
        Assert.Contains("no system prompt, please", problem.Findings[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tokenize_AnotherTemplateOrLength_HasAnotherKey()
    {
        var file = await _data.AddAsync("rows.jsonl", Turn);
        var keys = new HashSet<string>
        {
            (await TokenizeAsync(file)).Index.Key,
            (await TokenizeAsync(file, sequenceLength: 200)).Index.Key,
            (await TokenizeAsync(file, template: "{% for m in messages %}{{ m.content }}<|im_end|>{% endfor %}")).Index.Key,
        };
        Assert.Equal(3, keys.Count);
    }

    public void Dispose() => _data.Dispose();

    private static int[] Learnt(TokenExample example)
    {
        List<int> learnt = [];
        foreach (var label in example.Labels)
        {
            if (label != TrainingExample.Masked)
                learnt.Add(label);
        }
        return [.. learnt];
    }

    private async Task<(TokenIndex Index, ModelManifest Model)> TokenizeAsync(SourceFile file, int sequenceLength = 256, int contextLength = 512, string? template = null)
    {
        var manifest = await DatasetInspection.RunAsync(_data.Store, new InspectDatasetRequest("d", [file]));
        var model = await _data.AddModelAsync(contextLength, template);
        return (await DatasetTokenizer.RunAsync(_data.Store, new TokenizeDatasetRequest(manifest, model, "auto", sequenceLength)), model);
    }
}
