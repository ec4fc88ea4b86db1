using System.Security.Cryptography;
using FineTuneGrid.Contracts;
using FineTuneGrid.Text.Tokenization;

namespace FineTuneGrid.Text;

/// <summary>
/// A tokenizer in Hugging Face's tokenizer.json form. Immutable apart from a bounded cache; safe for use from many threads.
/// </summary>
public sealed class Tokenizer
{
    private readonly TokenizerParts _parts;
    private readonly WordSplitter? _words;
    private readonly BpeModel? _wordModel;
    private readonly AddedVocabulary _raw;
    private readonly AddedVocabulary _normalized;
    private readonly string?[] _tokens;
    private readonly Dictionary<string, int> _addedIds = new(StringComparer.Ordinal);
    private readonly Dictionary<int, string> _normalizedSpellings = [];
    private readonly HashSet<int> _specialIds;

    private Tokenizer(TokenizerParts parts, string digest)
    {
        _parts = parts;
        Digest = digest;
        _wordModel = parts.Model as BpeModel;
        _words = _wordModel is null ? null : parts.PreTokenizer?.Words;
        _raw = new AddedVocabulary(parts.AddedTokens.Where(t => !t.Normalized).Select(t => (t.Content, t)));
        _normalized = new AddedVocabulary(parts.AddedTokens.Where(t => t.Normalized).Select(t => (Normalize(t.Content), t)));
        _specialIds = [.. parts.AddedTokens.Where(t => t.Special).Select(t => t.Id)];
        var size = parts.AddedTokens.Select(t => t.Id + 1).Append(parts.Model.Tokens.Count).Max();
        _tokens = new string?[size];
        for (var id = 0; id < parts.Model.Tokens.Count; id++)
            _tokens[id] = parts.Model.Tokens[id];
        foreach (var token in parts.AddedTokens)
        {
            _tokens[token.Id] = token.Content;
            _addedIds[token.Content] = token.Id;
            if (token.Normalized && Normalize(token.Content) is var spelling && spelling != token.Content)
                _normalizedSpellings[token.Id] = spelling;
        }
    }

    /// <summary>SHA-256 of tokenizer.json, lower-case hex.</summary>
    public string Digest { get; }

    /// <summary>One more than the largest id; a model's embedding must have at least so many rows.</summary>
    public int VocabularySize => _tokens.Length;

    /// <summary>One more than the largest id of the vocabulary alone, tokens that were added to it left out.</summary>
    public int BaseVocabularySize => _parts.Model.Tokens.Count;

    /// <summary>The ids put before a text when special tokens are asked for.</summary>
    public IReadOnlyList<int> Prefix => _parts.PostProcessor.Prefix;

    /// <summary>The ids put after a text when special tokens are asked for.</summary>
    public IReadOnlyList<int> Suffix => _parts.PostProcessor.Suffix;

    /// <summary>Ids of the tokens marked special.</summary>
    public IReadOnlySet<int> SpecialIds => _specialIds;

    /// <param name="tokenizerJson">The bytes of tokenizer.json, at most 64 MiB.</param>
    /// <exception cref="GridException"><c>invalid_tokenizer</c> or <c>too_large</c>, naming what is wrong or unsupported.</exception>
    public static Tokenizer Parse(ReadOnlyMemory<byte> tokenizerJson) =>
        new(TokenizerParser.Parse(tokenizerJson), Convert.ToHexStringLower(SHA256.HashData(tokenizerJson.Span)));

    public int? IdOf(string token) => _addedIds.TryGetValue(token, out var id) ? id : _parts.Model.IdOf(token);

    /// <summary>The string of an id as the vocabulary spells it; null for an id that does not exist.</summary>
    public string? TokenOf(int id) => id >= 0 && id < _tokens.Length ? _tokens[id] : null;

    /// <param name="addSpecialTokens">Whether the post-processor's tokens (such as bos) are put around the text.</param>
    /// <param name="parseSpecial">Whether special tokens spelt in the text become their ids; false takes them as plain text.</param>
    public int[] Encode(string text, bool addSpecialTokens = true, bool parseSpecial = true) =>
        Encode(text, addSpecialTokens, parseSpecial, withRanges: false, isLiteral: null).ToIds();

    /// <summary>As <see cref="Encode"/>, with each token's range in <paramref name="text"/>.</summary>
    public TokenizedText EncodeWithOffsets(string text, bool addSpecialTokens = true, bool parseSpecial = true) =>
        Encode(text, addSpecialTokens, parseSpecial, withRanges: true, isLiteral: null).ToResult();

    /// <summary>Two texts as the post-processor joins them (for models that read pairs), with the segment of each token.</summary>
    /// <exception cref="GridException"><c>invalid_tokenizer</c> where tokenizer.json does not say how.</exception>
    public (int[] Ids, int[] TypeIds) EncodePair(string first, string second, bool addSpecialTokens = true)
    {
        var template = _parts.PostProcessor.Pair
            ?? throw new GridException(ErrorCodes.InvalidTokenizer, "tokenizer.json: $.post_processor has no template with both texts of a pair once each.", "$.post_processor");
        List<int> ids = [];
        List<int> types = [];
        foreach (var part in template)
        {
            if (part.Ids is not null && !addSpecialTokens)
                continue;
            ids.AddRange(part.Ids ?? Encode(part.IsSecond ? second : first, addSpecialTokens: false));
            types.AddRange(Enumerable.Repeat(part.Type, ids.Count - types.Count));
        }
        return ([.. ids], [.. types]);
    }

    /// <summary>The added tokens among some ids.</summary>
    internal ControlTokens Control(IEnumerable<int> ids) => new(_parts, ids);

    /// <summary>As <see cref="EncodeWithOffsets"/>, but a control token that reaches over one of some positions is ordinary text.</summary>
    /// <param name="literals">Positions in the text, in ascending order.</param>
    internal TokenizedText EncodeWithLiterals(string text, bool addSpecialTokens, ControlTokens control, IReadOnlyList<int> literals)
    {
        int[] places = [.. literals];
        return Encode(text, addSpecialTokens, true, withRanges: true, (id, start, end) => control.Contains(id) && Reaches(places, start, end)).ToResult();
    }

    /// <summary>Whether one of the ascending positions lies within (start, end), its borders not counted.</summary>
    internal static bool Reaches(int[] places, int start, int end)
    {
        var at = Array.BinarySearch(places, start + 1);
        at = at < 0 ? ~at : at;
        return at < places.Length && places[at] < end;
    }

    private TokenSink Encode(string text, bool addSpecialTokens, bool parseSpecial, bool withRanges, Func<int, int, int, bool>? isLiteral)
    {
        text = Unicode.WellFormed(text);
        var sink = new TokenSink(text.Length / 3, withRanges);
        if (addSpecialTokens)
            sink.Add(_parts.PostProcessor.Prefix, 0);
        _raw.Split(text, parseSpecial, (start, end, token) =>
        {
            if (token is not null)
                sink.Add(token.Id, start, end);
            else
                EncodePart(AlignedText.Slice(text, start, end), parseSpecial, sink, isLiteral);
        }, isLiteral is null ? null : (token, start, end) => isLiteral(token.Id, start, end));
        if (addSpecialTokens)
            sink.Add(_parts.PostProcessor.Suffix, text.Length);
        return sink;
    }

    /// <summary>The text of the ids. Bytes that are no UTF-8 become U+FFFD; ids outside the vocabulary are left out.
    /// A token that is looked for in normalized text is decoded from its normalized spelling, as Hugging Face's library does since 0.23.</summary>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true)
    {
        List<string> tokens = new(ids.Length);
        foreach (var id in ids)
        {
            if (TokenOf(id) is { } token && !(skipSpecialTokens && _specialIds.Contains(id)))
                tokens.Add(_normalizedSpellings.GetValueOrDefault(id, token));
        }
        return _parts.Decoder is { } decoder ? string.Concat(decoder.Apply(tokens)) : string.Join(' ', tokens);
    }

    private void EncodePart(AlignedText raw, bool parseSpecial, TokenSink sink, Func<int, int, int, bool>? isLiteral)
    {
        var text = _parts.Normalizer?.Apply(raw) ?? raw;
        _normalized.Split(text.Text, parseSpecial, (start, end, token) =>
        {
            if (token is not null)
            {
                var range = text.SourceRange(start, end);
                sink.Add(token.Id, range.Start, range.End);
                return;
            }
            if (_words is not null)
            {
                Words(text, start, end, sink);
                return;
            }
            var piece = new Piece(text, start, end);
            if (_parts.PreTokenizer is not { } preTokenizer)
            {
                _parts.Model.Tokenize(piece, sink);
                return;
            }
            List<Piece> pieces = [];
            preTokenizer.Apply(piece, pieces);
            foreach (var part in pieces)
                _parts.Model.Tokenize(part, sink);
        }, isLiteral is null ? null : (token, start, end) => text.SourceRange(start, end) is var range && isLiteral(token.Id, range.Start, range.End));
    }

    /// <summary>What pre-tokenizer and model do to plain text, without a list in between.</summary>
    private void Words(AlignedText text, int start, int end, TokenSink sink)
    {
        var span = text.Text.AsSpan(0, end);
        var offset = text.Origin;
        while (start < end)
        {
            var next = _words!.End(span, start);
            if (text.IsSource)
                sink.Add(_wordModel!.Symbols(span[start..next]), offset + start);
            else
                _wordModel!.Tokenize(new Piece(text, start, next), sink);
            start = next;
        }
    }

    private string Normalize(string content) =>
        _parts.Normalizer?.Apply(AlignedText.Slice(content, 0, content.Length)).Text ?? content;
}
