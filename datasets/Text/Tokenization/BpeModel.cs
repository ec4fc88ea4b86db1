using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>How a BPE model treats its pieces.</summary>
internal sealed record BpeOptions
{
    /// <summary>Pieces are cut into bytes, spelt in the byte alphabet, instead of code points.</summary>
    public bool ByteLevel { get; init; }

    /// <summary>Code points outside the vocabulary become the tokens &lt;0x00&gt; ... &lt;0xFF&gt; of their UTF-8.</summary>
    public bool ByteFallback { get; init; }

    public int? UnknownId { get; init; }

    /// <summary>Neighbouring unknown code points become one token.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>A piece that is in the vocabulary is one token, whatever the merges say.</summary>
    public bool IgnoreMerges { get; init; }

    public string ContinuingPrefix { get; init; } = "";

    public string EndOfWordSuffix { get; init; } = "";
}

/// <summary>Byte-pair encoding (Sennrich et al. 2016), byte-level or over code points with byte fallback.</summary>
internal sealed class BpeModel : TokenModel
{
    private const int LongestCachedPiece = 128;

    private readonly Dictionary<string, int> _vocabulary;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly PairTable _merges;
    private readonly BpeOptions _options;
    private readonly string?[] _tokens;
    private readonly int[] _byteIds = new int[256];
    private readonly bool _plainBytes;
    private readonly bool _plainCharacters;
    private readonly WordCache _cache = new();

    public BpeModel(Dictionary<string, int> vocabulary, Dictionary<long, BpeMerge> merges, BpeOptions options)
    {
        _vocabulary = vocabulary;
        _lookup = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        _merges = new PairTable(merges);
        _options = options;
        _tokens = new string?[vocabulary.Count == 0 ? 0 : vocabulary.Values.Max() + 1];
        foreach (var (token, id) in vocabulary)
            _tokens[id] = token;
        for (var value = 0; value < 256; value++)
        {
            var name = options.ByteLevel ? ByteAlphabet.CharOf((byte)value).ToString() : string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>");
            _byteIds[value] = vocabulary.TryGetValue(name, out var id) ? id : -1;
        }
        var plain = options.ContinuingPrefix.Length == 0 && options.EndOfWordSuffix.Length == 0;
        _plainBytes = plain && !_byteIds.Contains(-1);
        _plainCharacters = plain && !options.ByteLevel;
    }

    public override IReadOnlyList<string?> Tokens => _tokens;

    public override int? IdOf(string token) => _vocabulary.TryGetValue(token, out var id) ? id : null;

    public override void Tokenize(Piece piece, TokenSink sink)
    {
        foreach (var symbol in Symbols(piece.Span))
        {
            var (start, end) = piece.Owner.SourceRange(piece.Start + symbol.Start, piece.Start + symbol.End);
            sink.Add(symbol.Id, start, end);
        }
    }

    /// <summary>The tokens of a word.</summary>
    public ReadOnlySpan<BpeSymbol> Symbols(ReadOnlySpan<char> word)
    {
        if (word.Length > LongestCachedPiece)
            return Compute(word);
        var hash = WordCache.HashOf(word);
        if (_cache.Find(word, hash) is { } known)
            return known;
        var symbols = Compute(word);
        _cache.Add(word, hash, symbols);
        return symbols;
    }

    private BpeSymbol[] Compute(ReadOnlySpan<char> text)
    {
        if (_options.IgnoreMerges && _lookup.TryGetValue(_options.ByteLevel ? Spell(text) : text, out var id))
            return [new BpeSymbol(id, 0, text.Length)];
        var symbols = new List<BpeSymbol>(text.Length);
        if (_options.ByteLevel && _plainBytes)
            Bytes(text, symbols);
        else
            CodePoints(text, symbols);
        var merged = CollectionsMarshal.AsSpan(symbols);
        return merged[..BpeMerger.Merge(merged, _merges)].ToArray();
    }

    private static string Spell(ReadOnlySpan<char> text)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, bytes);
        return string.Create(bytes.Length, bytes, static (chars, source) =>
        {
            for (var i = 0; i < source.Length; i++)
                chars[i] = ByteAlphabet.CharOf(source[i]);
        });
    }

    private void Bytes(ReadOnlySpan<char> text, List<BpeSymbol> symbols)
    {
        Span<byte> utf8 = stackalloc byte[4];
        for (var i = 0; i < text.Length;)
        {
            var rune = Unicode.At(text, i, out var units);
            var count = rune.EncodeToUtf8(utf8);
            foreach (var value in utf8[..count])
                symbols.Add(new BpeSymbol(_byteIds[value], i, i + units));
            i += units;
        }
    }

    // The order of unknown and byte tokens follows the reference, which lets a pending unknown wait behind byte tokens.
    private void CodePoints(ReadOnlySpan<char> text, List<BpeSymbol> symbols)
    {
        BpeSymbol? unknown = null;
        Span<byte> utf8 = stackalloc byte[4];
        for (var i = 0; i < text.Length;)
        {
            var rune = Unicode.At(text, i, out var units);
            var (start, end) = (i, i + units);
            i = end;
            if (_plainCharacters && _lookup.TryGetValue(text[start..end], out var plain))
            {
                Flush(ref unknown, symbols);
                symbols.Add(new BpeSymbol(plain, start, end));
                continue;
            }
            var count = _options.ByteLevel ? rune.EncodeToUtf8(utf8) : 1;
            for (var part = 0; part < count; part++)
            {
                var first = start == 0 && part == 0;
                var last = end == text.Length && part == count - 1;
                var token = _options.ByteLevel ? ByteAlphabet.CharOf(utf8[part]).ToString() : text[start..end].ToString();
                token = (first ? "" : _options.ContinuingPrefix) + token + (last ? _options.EndOfWordSuffix : "");
                if (_vocabulary.TryGetValue(token, out var id))
                {
                    Flush(ref unknown, symbols);
                    symbols.Add(new BpeSymbol(id, start, end));
                }
                else if (!(_options.ByteFallback && Fallback(token, start, end, symbols)))
                {
                    Unknown(ref unknown, start, end, symbols);
                }
            }
        }
        Flush(ref unknown, symbols);
    }

    private bool Fallback(string token, int start, int end, List<BpeSymbol> symbols)
    {
        var bytes = Encoding.UTF8.GetBytes(token);
        if (_options.ByteLevel || bytes.Any(b => _byteIds[b] < 0))
            return false;
        foreach (var value in bytes)
            symbols.Add(new BpeSymbol(_byteIds[value], start, end));
        return true;
    }

    private void Unknown(ref BpeSymbol? pending, int start, int end, List<BpeSymbol> symbols)
    {
        if (_options.UnknownId is not { } id)
            return;
        if (pending is { } before && _options.FuseUnknown)
        {
            pending = before with { End = end };
            return;
        }
        Flush(ref pending, symbols);
        pending = new BpeSymbol(id, start, end);
    }

    private static void Flush(ref BpeSymbol? pending, List<BpeSymbol> symbols)
    {
        if (pending is { } symbol)
            symbols.Add(symbol);
        pending = null;
    }
}
