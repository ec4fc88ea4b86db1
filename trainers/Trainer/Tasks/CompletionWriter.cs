using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models.Generation;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary>Puts one completion together: its text, and where asked for what each token is, how likely it was, where it begins.</summary>
internal sealed class CompletionWriter(PromptReader reader, CompletionTask task)
{
    private readonly List<string> _names = [];
    private readonly List<double?> _logProbs = [];
    private readonly List<IReadOnlyDictionary<string, double>?> _likeliest = [];
    private readonly List<int> _offsets = [];
    private int _offset;

    /// <param name="text">The prompt as it was given; null where ids or messages were.</param>
    /// <param name="scores">Of the prompt's tokens from the second on, where they are to be said.</param>
    public Completion Write(string? text, int[] prompt, IReadOnlyList<ScoredToken>? scores, Continuation continuation)
    {
        var completed = Trimmed(reader.Decode(continuation.Tokens));
        var shown = task.Echo ? (text ?? reader.Decode(prompt)) + completed : completed;
        var count = continuation.Tokens.Count + (continuation.End is null ? 0 : 1);
        return new Completion(shown, prompt.Length, count, continuation.Stopped ? "stop" : "length", task.Logprobs is null ? null : Logprobs(shown, prompt, scores, continuation));
    }

    private string Trimmed(string text)
    {
        var ends = (task.Stop ?? []).Select(s => text.IndexOf(s, StringComparison.Ordinal)).Where(at => at >= 0).ToList();
        return ends.Count == 0 ? text : text[..ends.Min()];
    }

    private CompletionLogprobs Logprobs(string shown, int[] prompt, IReadOnlyList<ScoredToken>? scores, Continuation continuation)
    {
        var pieces = reader.Pieces();
        for (var i = 0; i < prompt.Length; i++)
        {
            if (scores is null)
                pieces.Add(prompt[i]);
            else
                Add(pieces, prompt[i], i == 0 ? null : scores[i - 1]);
        }
        for (var i = 0; i < continuation.Tokens.Count; i++)
            Add(pieces, continuation.Tokens[i], continuation.Scored.Count > 0 ? continuation.Scored[i] : new ScoredToken(continuation.Tokens[i], continuation.LogProbs[i], []));
        if (continuation.End is { } end)
            Add(pieces, end.Id, end);
        // Text that a stop cut off, or that the tokenizer spells in another way than it was given, has no place further on.
        var length = shown.EnumerateRunes().Count();
        return new CompletionLogprobs(_names, _logProbs, task.Logprobs > 0 ? _likeliest : null, [.. _offsets.Select(o => Math.Min(o, length))]);
    }

    private void Add(TokenPieces pieces, int id, ScoredToken? score)
    {
        _names.Add(pieces.Name(id));
        _logProbs.Add(score?.LogProb);
        _likeliest.Add(score is null ? null : Named(pieces, score));
        _offsets.Add(_offset);
        _offset += pieces.Add(id).EnumerateRunes().Count();
    }

    // Two tokens may read the same: the likelier one is said.
    private Dictionary<string, double> Named(TokenPieces pieces, ScoredToken score)
    {
        Dictionary<string, double> named = new(StringComparer.Ordinal);
        foreach (var (id, logProb) in score.Likeliest.Append((score.Id, score.LogProb)))
            named.TryAdd(pieces.Name(id), logProb);
        return named;
    }
}
