using FineTuneGrid.Contracts;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>BERT's greedy model: the longest token that a word begins with, then the longest continuation, and so on; else unknown.</summary>
internal sealed class WordPieceModel : TokenModel
{
    private readonly Dictionary<string, int> _vocabulary;
    private readonly string?[] _tokens;
    private readonly PrefixIndex _starts;
    private readonly PrefixIndex _continuations;
    private readonly int[] _startIds;
    private readonly int[] _continuationIds;
    private readonly int? _unknownId;
    private readonly int _longestWord;

    /// <param name="continuingPrefix">What marks a token that continues a word, such as ##.</param>
    /// <param name="longestWord">A word of more code points is unknown.</param>
    public WordPieceModel(Dictionary<string, int> vocabulary, string unknown, string continuingPrefix, int longestWord)
    {
        _vocabulary = vocabulary;
        _tokens = ById(vocabulary);
        _unknownId = IdOf(unknown);
        _longestWord = longestWord;
        var all = vocabulary.ToList();
        _starts = new PrefixIndex([.. all.Select(v => v.Key)]);
        _startIds = [.. all.Select(v => v.Value)];
        var continuing = all.FindAll(v => v.Key.StartsWith(continuingPrefix, StringComparison.Ordinal));
        _continuations = new PrefixIndex([.. continuing.Select(v => v.Key[continuingPrefix.Length..])]);
        _continuationIds = [.. continuing.Select(v => v.Value)];
    }

    public override IReadOnlyList<string?> Tokens => _tokens;

    public override int? IdOf(string token) => _vocabulary.TryGetValue(token, out var id) ? id : null;

    public static string?[] ById(Dictionary<string, int> vocabulary)
    {
        var tokens = new string?[vocabulary.Count == 0 ? 0 : vocabulary.Values.Max() + 1];
        foreach (var (token, id) in vocabulary)
            tokens[id] = token;
        return tokens;
    }

    public override void Tokenize(Piece piece, TokenSink sink)
    {
        var word = piece.Span;
        var parts = Count(word) <= _longestWord ? Parts(word) : null;
        foreach (var (id, start, end) in parts ?? [(_unknownId ?? throw NoUnknown(), 0, word.Length)])
        {
            var range = piece.Owner.SourceRange(piece.Start + start, piece.Start + end);
            sink.Add(id, range.Start, range.End);
        }
    }

    private List<(int Id, int Start, int End)>? Parts(ReadOnlySpan<char> word)
    {
        List<(int, int, int)> parts = [];
        for (var start = 0; start < word.Length;)
        {
            var (found, end) = (-1, start);
            var search = (start == 0 ? _starts : _continuations).Search(word[start..]);
            while (search.Next(out var index, out var length))
                (found, end) = (index, start + length);
            if (found < 0)
                return null;
            parts.Add(((start == 0 ? _startIds : _continuationIds)[found], start, end));
            start = end;
        }
        return parts;
    }

    private static int Count(ReadOnlySpan<char> text)
    {
        var count = 0;
        foreach (var unit in text)
            count += char.IsLowSurrogate(unit) ? 0 : 1;
        return count;
    }

    private static GridException NoUnknown() => new(ErrorCodes.InvalidTokenizer,
        "tokenizer.json: the text has a word that is no token, and $.model.unk_token is not in the vocabulary; add it.", "$.model.unk_token");
}

/// <summary>One token a piece.</summary>
internal sealed class WordLevelModel(Dictionary<string, int> vocabulary, string unknown) : TokenModel
{
    private readonly string?[] _tokens = WordPieceModel.ById(vocabulary);
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _lookup = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();

    public override IReadOnlyList<string?> Tokens => _tokens;

    public override int? IdOf(string token) => vocabulary.TryGetValue(token, out var id) ? id : null;

    public override void Tokenize(Piece piece, TokenSink sink)
    {
        var (start, end) = piece.Owner.SourceRange(piece.Start, piece.End);
        if (!_lookup.TryGetValue(piece.Span, out var id) && !vocabulary.TryGetValue(unknown, out id))
        {
            throw new GridException(ErrorCodes.InvalidTokenizer,
                "tokenizer.json: the text has a word that is no token, and $.model.unk_token is not in the vocabulary; add it.", "$.model.unk_token");
        }
        sink.Add(id, start, end);
    }
}
