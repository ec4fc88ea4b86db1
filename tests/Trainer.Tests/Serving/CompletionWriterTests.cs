using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models.Generation;
using FineTuneGrid.Text;
using FineTuneGrid.Trainer.Models;
using FineTuneGrid.Trainer.Tasks;
using FineTuneGrid.TrainerSupport;
using static TorchSharp.torch;

namespace FineTuneGrid.Trainer.Tests.Serving;

/// <summary>What a completion tells while it grows: whole characters, and no beginning of a text that ends it.</summary>
public sealed class CompletionWriterTests : IDisposable
{
    private const string Sentence = "hé 🙂 né 日本 ok";

    private readonly TestStore _store = new();
    private readonly ModelText _text = ModelText.LoadFolder(Path.Combine(AppContext.BaseDirectory, "sample"));

    public void Dispose() => _store.Dispose();

    [Fact]
    public void Pieces_OfCharactersOfManyTokens_AreWholeAndJoinToTheText()
    {
        var ids = _text.Tokenizer.Encode(Sentence, addSpecialTokens: false);
        Assert.True(ids.Length > Sentence.Length, "characters of several tokens were to be looked at");

        var (pieces, whole, stopped) = Write(new CompletionTask(["a"], false, 100, 0, 1, 0, Stream: true), ids);

        Assert.False(stopped);
        Assert.True(pieces.Count > 3);
        Assert.All(pieces, p => Assert.DoesNotContain('\uFFFD', p.Text));
        Assert.All(pieces, p => Assert.False(char.IsHighSurrogate(p.Text[^1])));
        Assert.Equal(Sentence, string.Concat(pieces.Select(p => p.Text)));
        Assert.Equal(Sentence, whole.Text);
        Assert.Equal(pieces.Select(p => p.At), pieces.Select((_, i) => pieces.Take(i).Sum(p => p.Text.Length)));
    }

    [Theory]
    [InlineData("né", "hé 🙂 ")]
    [InlineData("é 日", "hé 🙂 n")]
    [InlineData("日本 ok", "hé 🙂 né ")]
    public void Stop_OfSeveralTokens_NeverShowsInAPiece(string stop, string expected)
    {
        var ids = _text.Tokenizer.Encode(Sentence, addSpecialTokens: false);

        var (pieces, whole, stopped) = Write(new CompletionTask(["a"], false, 100, 0, 1, 0, Stop: ["never there", stop], Stream: true), ids);

        Assert.True(stopped);
        Assert.Equal(expected, string.Concat(pieces.Select(p => p.Text)));
        Assert.Equal(expected, whole.Text);
    }

    [Fact]
    public void BeginningOfAStop_ThatGoesOnInAnotherWay_IsToldThen()
    {
        var ids = _text.Tokenizer.Encode(Sentence, addSpecialTokens: false);

        var (pieces, whole, stopped) = Write(new CompletionTask(["a"], false, 100, 0, 1, 0, Stop: ["é 🙂 x", "ok."], Stream: true), ids);

        Assert.False(stopped);
        Assert.Equal(Sentence[..^2], string.Concat(pieces.Select(p => p.Text)));
        Assert.Equal(Sentence, whole.Text); // The last letters may have begun a stop to the end.
    }

    [Fact]
    public void Logprobs_OfPieces_JoinToThoseOfTheWhole()
    {
        var ids = _text.Tokenizer.Encode(Sentence, addSpecialTokens: false);

        var (pieces, whole, _) = Write(new CompletionTask(["a"], false, 100, 0, 1, 0, Logprobs: 1, Stream: true), ids);

        Assert.Equal(whole.Logprobs!.Tokens, pieces.SelectMany(p => p.Logprobs!.Tokens));
        Assert.Equal(whole.Logprobs.TokenLogprobs, pieces.SelectMany(p => p.Logprobs!.TokenLogprobs));
        Assert.Equal(pieces.Select(p => p.Token), pieces.Select((_, i) => pieces.Take(i).Sum(p => p.Logprobs!.Tokens.Count)));
    }

    /// <summary>The tokens, as a model would say them, up to the one that ends the completion.</summary>
    private (List<CompletionPiece> Pieces, Completion Whole, bool Stopped) Write(CompletionTask task, int[] ids)
    {
        using var models = new ModelStore(_store.Blobs, CPU);
        var writer = new CompletionWriter(new PromptReader(models, _store.AddModel("sample", "llama", "sample")), task, "a", _text.EncodePrompt("a"), null);
        List<CompletionPiece> pieces = [];
        List<ScoredToken> taken = [];
        var stopped = false;
        foreach (var id in ids)
        {
            taken.Add(new ScoredToken(id, -1, [(id, -1)]));
            stopped = writer.Add(taken[^1]);
            if (writer.Tell(0) is { } piece) pieces.Add(piece);
            if (stopped) break;
        }
        var whole = writer.Finish(new Continuation([.. taken.Select(t => t.Id)], [.. taken.Select(t => t.LogProb)], stopped) { Scored = taken });
        return (pieces, whole, stopped);
    }
}
