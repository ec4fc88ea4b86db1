using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Shards.Tests.Support;
using FineTuneGrid.Storage;
using FineTuneGrid.Text;

namespace FineTuneGrid.Shards.Tests;

/// <summary>Texts with classes: columns, the classes and their ids, segments, and rows that are none.</summary>
public sealed class ClassificationDataTests : IDisposable
{
    /// <summary>WordPiece of whole words, with BERT's tokens around one text and between two.</summary>
    private const string Tokenizer = """
        {"version":"1.0","added_tokens":[
           {"id":0,"content":"[PAD]","special":true,"normalized":false,"single_word":false,"lstrip":false,"rstrip":false},
           {"id":2,"content":"[CLS]","special":true,"normalized":false,"single_word":false,"lstrip":false,"rstrip":false},
           {"id":3,"content":"[SEP]","special":true,"normalized":false,"single_word":false,"lstrip":false,"rstrip":false}],
         "normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},
         "pre_tokenizer":{"type":"BertPreTokenizer"},
         "post_processor":{"type":"TemplateProcessing",
           "single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}],
           "pair":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}},
                   {"Sequence":{"id":"B","type_id":1}},{"SpecialToken":{"id":"[SEP]","type_id":1}}],
           "special_tokens":{"[CLS]":{"id":"[CLS]","ids":[2],"tokens":["[CLS]"]},"[SEP]":{"id":"[SEP]","ids":[3],"tokens":["[SEP]"]}}},
         "decoder":{"type":"WordPiece","prefix":"##","cleanup":true},
         "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,
           "vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"good":4,"bad":5,"film":6,"a":7}}}
        """;

    private readonly DataFolder _data = new();

    public void Dispose() => _data.Dispose();

    [Fact]
    public async Task Tokenize_Texts_StandBetweenTheTokenizersOwn_AndTheClassAtTheFirst()
    {
        var index = await TokenizeAsync(["""{"text":"A good film","label":"pos"}""", """{"text":"bad","label":"neg"}"""]);
        Assert.Equal((2L, 2L, "classification"), (index.Examples, index.SupervisedTokens, index.Format));
        Assert.Equal(["neg", "pos"], index.Classes!);
        using var tokens = await TokenDataset.OpenAsync(_data.Store, index);
        Assert.Equal([2, 7, 4, 6, 3], tokens[0].Ids.ToArray());
        Assert.Equal([1, -100, -100, -100, -100], tokens[0].Labels.ToArray());
        Assert.Equal(0, tokens[1].Labels[0]);
    }

    [Theory]
    [InlineData("text", "text_pair")]
    [InlineData("sentence1", "sentence2")]
    [InlineData("premise", "hypothesis")]
    [InlineData("question1", "question2")]
    [InlineData("question", "sentence")]
    public async Task Tokenize_Pairs_HaveTheSecondSegmentMarked(string first, string second)
    {
        var index = await TokenizeAsync([$$"""{"{{first}}":"a film","{{second}}":"good","label":1}""", $$"""{"{{first}}":"a","{{second}}":"bad","label":0}"""]);
        using var tokens = await TokenDataset.OpenAsync(_data.Store, index);
        Assert.Equal([2, 7, 6, 3, 4, 3], tokens[0].Ids.ToArray());
        Assert.Equal([1, -100, -100, -100, TrainingExample.SecondSegment, TrainingExample.SecondSegment], tokens[0].Labels.ToArray());
    }

    /// <summary>Whole numbers in ascending order, texts in that of their code units; truth values are texts.</summary>
    [Theory]
    [InlineData("""[10, 9, -1, 9]""", "-1,9,10")]
    [InlineData("""["b", "B", "a", "é"]""", "B,a,b,é")]
    [InlineData("""[true, false, true]""", "false,true")]
    public async Task Classes_OfTheData_HaveAFixedOrder(string labels, string names)
    {
        var rows = JsonDocument.Parse(labels).RootElement.EnumerateArray().Select(l => $$"""{"sentence":"good","kind":{{l.GetRawText()}}}""").ToArray();
        var index = await TokenizeAsync(rows, new ClassRequest("kind"));
        Assert.Equal(names.Split(','), index.Classes!);
        Assert.Equal(names.Split(',').Length, rows.Distinct().Count());
    }

    [Theory]
    [InlineData("""["NEGATIVE", "POSITIVE"]""", """[1, 0]""", "NEGATIVE,POSITIVE", 1)]
    [InlineData("""["NEGATIVE", "POSITIVE", "NEUTRAL"]""", """["POSITIVE", "NEGATIVE"]""", "NEGATIVE,POSITIVE,NEUTRAL", 1)]
    [InlineData("""["NEGATIVE", "POSITIVE"]""", """["pos", "neg"]""", "neg,pos", 1)]
    [InlineData("""["1", "0"]""", """[1, 0]""", "1,0", 0)]
    public async Task Classes_OfTheBasesHead_AreKeptWhereItTellsAllOfTheDatas(string ofBase, string labels, string names, int first)
    {
        var rows = JsonDocument.Parse(labels).RootElement.EnumerateArray().Select(l => $$"""{"text":"good","label":{{l.GetRawText()}}}""").ToArray();
        var index = await TokenizeAsync(rows, null, JsonSerializer.Deserialize<string[]>(ofBase));
        Assert.Equal(names.Split(','), index.Classes!);
        using var tokens = await TokenDataset.OpenAsync(_data.Store, index);
        Assert.Equal(first, tokens[0].Labels[0]);
    }

    [Fact]
    public async Task Tokenize_WithTheClassesOfAnother_RefusesRowsThatHaveNoneOfThem()
    {
        string[] rows = ["""{"text":"good","label":"pos"}""", """{"text":"bad","label":"meh"}"""];
        var problem = await Assert.ThrowsAsync<GridException>(() => TokenizeAsync(rows, new ClassRequest(null, ["neg", "pos"])));
        Assert.Equal(ErrorCodes.InvalidDataset, problem.Code);
        var finding = Assert.Single(problem.Findings);
        Assert.Equal(("rows.jsonl", 2L), (finding.Where, finding.Row));
        Assert.Contains("'label' is 'meh', which is none of the classes 'neg', 'pos'", finding.Message, StringComparison.Ordinal);

        var adapter = await _data.AddAsync(ClassNames.FileName, ClassNames.Write(["meh", "pos"]));
        Assert.Equal(["meh", "pos"], (await TokenizeAsync(rows, new ClassRequest(null, Adapter: [adapter]))).Classes!);
    }

    [Theory]
    [InlineData("""{"text":"good"}""", "'label' is missing")]
    [InlineData("""{"text":"good","label":null}""", "'label' is missing")]
    [InlineData("""{"text":"good","label":""}""", "'label' is empty")]
    [InlineData("""{"text":"good","label":0.5}""", "'label' is 0.5; a class is a text, a whole number, true or false")]
    [InlineData("""{"text":"good","label":["a"]}""", "a class is a text")]
    [InlineData("""{"text":"good","label":3}""", "other rows have texts")]
    [InlineData("""{"text":"","label":"a"}""", "'text' is empty")]
    public async Task Tokenize_RowWithoutAClassOrText_IsNamed(string row, string problem)
    {
        var error = await Assert.ThrowsAsync<GridException>(() => TokenizeAsync(["""{"text":"good","label":"a"}""", """{"text":"bad","label":"b"}""", row], inspect: false));
        var finding = Assert.Single(error.Findings);
        Assert.Equal((ErrorCodes.InvalidDataset, 3L), (error.Code, finding.Row));
        Assert.Contains(problem, finding.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"text":"good","label":"a"}""", null, "has one class only, 'a'")]
    [InlineData("""{"text":"good","label":"a"}""", "sentiment", "no column 'sentiment'; set objective.label_column to the one that holds the classes (it has text, label)")]
    public async Task Tokenize_ColumnThatHoldsNoClasses_IsRefused(string row, string? column, string problem)
    {
        var error = await Assert.ThrowsAsync<GridException>(() => TokenizeAsync([row, row], new ClassRequest(column)));
        Assert.Equal((ErrorCodes.InvalidDataset, "objective.label_column"), (error.Code, error.Field));
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tokenize_ColumnOfAlmostAsManyValuesAsRows_IsRefused()
    {
        string[] rows = [.. Enumerable.Range(0, 4097).Select(i => $$"""{"text":"good","label":{{i}}}""")];
        Assert.Contains("more than 4096", (await Assert.ThrowsAsync<GridException>(() => TokenizeAsync(rows))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LabelledTexts_AreRegistered_ButNotLearntAsTexts()
    {
        var file = await _data.AddAsync("rows.jsonl", """{"sentence":"good","label":1}""");
        var manifest = await DatasetInspection.RunAsync(_data.Store, new InspectDatasetRequest("d", [file]));
        Assert.Equal("classification", manifest.Format);
        var error = await Assert.ThrowsAsync<GridException>(async () => await DatasetTokenizer.RunAsync(_data.Store, new TokenizeDatasetRequest(manifest, await ModelAsync(null), "auto", 64)));
        Assert.Equal((ErrorCodes.InvalidDataset, "objective.type"), (error.Code, error.Field));
        Assert.Equal("text", (await DatasetInspection.RunAsync(_data.Store, new InspectDatasetRequest("d", [await _data.AddAsync("t.jsonl", """{"text":"good","label":1}""")]))).Format);
    }

    [Fact]
    public async Task Tokens_OfOtherClassesOrColumns_LieElsewhere()
    {
        string[] rows = ["""{"text":"good","label":"a","kind":"x"}""", """{"text":"bad","label":"b","kind":"y"}"""];
        string[] keys = [(await TokenizeAsync(rows)).Key, (await TokenizeAsync(rows, new ClassRequest("kind"))).Key, (await TokenizeAsync(rows, new ClassRequest(null, ["b", "a"]))).Key];
        Assert.Equal(3, keys.Distinct().Count());
        Assert.Equal(keys[0], (await TokenizeAsync(rows)).Key);
    }

    private async Task<TokenIndex> TokenizeAsync(string[] rows, ClassRequest? classes = null, string[]? ofBase = null, bool inspect = true)
    {
        var file = await _data.AddAsync("rows.jsonl", rows);
        var manifest = inspect
            ? await DatasetInspection.RunAsync(_data.Store, new InspectDatasetRequest("d", [file]))
            : new DatasetManifest("d", file.Sha256, "text", rows.Length, ["text", "label"], [], [file]);
        return await DatasetTokenizer.RunAsync(_data.Store, new TokenizeDatasetRequest(manifest, await ModelAsync(ofBase), "auto", 64, classes ?? new ClassRequest(null)));
    }

    private async Task<ModelManifest> ModelAsync(string[]? classes)
    {
        var tokenizer = await _data.AddAsync("tokenizer.json", Tokenizer);
        return new ModelManifest("m", "digest", "bert", 0, "F32", 64, 8, null, null, null, [], [tokenizer]) { Classes = classes };
    }
}
