using System.Text;
using FineTuneGrid.Contracts.Training;
using FineTuneGrid.Models.Generation;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary>
/// Puts one completion together, token by token: its text, and where asked for what each token is, how likely it was, where it begins.
/// Finds the texts that end it, and tells of it what is sure to stay: whole characters, and nothing that may begin such a text.
/// </summary>
internal sealed class CompletionWriter
{
    private readonly PromptReader _reader;
    private readonly CompletionTask _task;
    private readonly IReadOnlyList<string> _stops;
    private readonly int _promptTokens;
    private readonly TokenPieces _places;
    private readonly TokenPieces _pieces;
    private readonly StringBuilder _written = new();
    private readonly int _start;
    private readonly List<string> _names = [];
    private readonly List<double?> _logProbs = [];
    private readonly List<IReadOnlyDictionary<string, double>?> _likeliest = [];
    private readonly List<int> _offsets = [];
    private int _offset;
    private int _searched;
    private int? _stop;
    private int _told;
    private int _toldTokens;

    /// <param name="text">The prompt as it was given; null where ids or messages were.</param>
    /// <param name="prompt">Its ids.</param>
    /// <param name="scores">Of the prompt's tokens from the second on, where they are to be said.</param>
    public CompletionWriter(PromptReader reader, CompletionTask task, string? text, IReadOnlyList<int> prompt, IReadOnlyList<ScoredToken>? scores)
    {
        (_reader, _task, _stops, _promptTokens) = (reader, task, task.Stop ?? [], prompt.Count);
        // Names depend on the tokens before; the text is the completion's own.
        (_places, _pieces) = (reader.Pieces(), reader.Pieces());
        if (task.Echo) _written.Append(text ?? reader.Decode(prompt));
        _start = _searched = _written.Length;
        for (var i = 0; i < prompt.Count && task.Logprobs is not null; i++)
        {
            if (scores is null) _places.Add(prompt[i]);
            else Note(prompt[i], i == 0 ? null : scores[i - 1]);
        }
    }

    /// <summary>Takes a token of the completion; true where a text has come that ends it.</summary>
    public bool Add(ScoredToken token)
    {
        if (_task.Logprobs is not null) Note(token.Id, token);
        if (!_task.Stream && _stops.Count == 0) return false;
        var added = _pieces.Add(token.Id);
        _written.Append(added);
        return added.Length > 0 && FindStop();
    }

    /// <summary>What is new since the last time and sure to stay; null: nothing.</summary>
    /// <param name="index">The completion's number.</param>
    public CompletionPiece? Tell(int index)
    {
        var sure = _stop ?? (_written.Length - Held());
        if (sure <= _told) return null;
        var logprobs = _task.Logprobs is null ? null : Tokens(_toldTokens, int.MaxValue);
        var piece = new CompletionPiece(index, _told, _written.ToString(_told, sure - _told), _toldTokens, logprobs);
        (_told, _toldTokens) = (sure, _names.Count);
        return piece;
    }

    /// <summary>The whole, when the last token has been taken.</summary>
    public Completion Finish(Continuation continuation)
    {
        var shown = _written.ToString(0, _start) + Trimmed(_reader.Decode(continuation.Tokens));
        // What was told stands, should a decoder read many tokens in another way than a few.
        if (!shown.AsSpan().StartsWith(_written.ToString(0, _told), StringComparison.Ordinal)) shown = _written.ToString(0, _stop ?? _written.Length);
        if (_task.Logprobs is not null && continuation.End is { } end) Note(end.Id, end);
        var count = continuation.Tokens.Count + (continuation.End is null ? 0 : 1);
        // Text that a stop cut off, or that the tokenizer spells in another way than it was given, has no place further on.
        var logprobs = _task.Logprobs is null ? null : Tokens(0, shown.EnumerateRunes().Count());
        return new Completion(shown, _promptTokens, count, continuation.Stopped ? "stop" : "length", logprobs);
    }

    private string Trimmed(string text)
    {
        var ends = _stops.Select(s => text.IndexOf(s, StringComparison.Ordinal)).Where(at => at >= 0).ToList();
        return ends.Count == 0 ? text : text[..ends.Min()];
    }

    /// <summary>Looks for the stops in what is new, and in as much before it as one of them may reach back.</summary>
    private bool FindStop()
    {
        if (_stops.Count == 0) return false;
        var from = Math.Max(_start, _searched - _stops.Max(s => s.Length) + 1);
        var text = _written.ToString(from, _written.Length - from);
        _searched = _written.Length;
        foreach (var at in _stops.Select(s => text.IndexOf(s, StringComparison.Ordinal)).Where(at => at >= 0))
            _stop = Math.Min(_stop ?? int.MaxValue, from + at);
        return _stop is not null;
    }

    /// <summary>How many of the last characters may be the beginning of a stop.</summary>
    private int Held()
    {
        if (_stops.Count == 0) return 0;
        var most = Math.Min(_written.Length - _start, _stops.Max(s => s.Length) - 1);
        var end = _written.ToString(_written.Length - most, most);
        for (var length = most; length > 0; length--)
        {
            if (_stops.Any(s => s.AsSpan().StartsWith(end.AsSpan(most - length), StringComparison.Ordinal))) return length;
        }
        return 0;
    }

    /// <param name="length">Code points of the text that there is.</param>
    private CompletionLogprobs Tokens(int from, int length) => new(
        [.. _names.Skip(from)], [.. _logProbs.Skip(from)], _task.Logprobs > 0 ? [.. _likeliest.Skip(from)] : null, [.. _offsets.Skip(from).Select(o => Math.Min(o, length))]);

    private void Note(int id, ScoredToken? score)
    {
        _names.Add(_places.Name(id));
        _logProbs.Add(score?.LogProb);
        _likeliest.Add(score is null ? null : Named(score));
        _offsets.Add(_offset);
        _offset += _places.Add(id).EnumerateRunes().Count();
    }

    // Two tokens may read the same: the likelier one is said.
    private Dictionary<string, double> Named(ScoredToken score)
    {
        Dictionary<string, double> named = new(StringComparer.Ordinal);
        foreach (var (id, logProb) in score.Likeliest.Append((score.Id, score.LogProb)))
            named.TryAdd(_places.Name(id), logProb);
        return named;
    }
}
