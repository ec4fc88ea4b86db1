using System.Globalization;
using System.Text;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>
/// The unigram language model of SentencePiece (Kudo 2018): of all ways to cut a piece into tokens the one with the largest sum of
/// scores, found by Viterbi's algorithm. A code point that is no token costs the lowest score less ten; neighbouring ones are
/// one unknown token, or its UTF-8 bytes with byte fallback.
/// </summary>
internal sealed class UnigramModel : TokenModel
{
    private const double UnknownPenalty = 10;

    private readonly string?[] _tokens;
    private readonly double[] _scores;
    private readonly PrefixIndex _index;
    private readonly int[] _byteIds = new int[256];
    private readonly double _unknownScore;
    private readonly int? _unknownId;
    private readonly bool _byteFallback;

    /// <param name="unknownId">Null where the model has none: a text that needs it is refused.</param>
    public UnigramModel(IReadOnlyList<(string Token, double Score)> vocabulary, int? unknownId, bool byteFallback)
    {
        _tokens = [.. vocabulary.Select(v => v.Token)];
        _scores = [.. vocabulary.Select(v => v.Score)];
        _index = new PrefixIndex(_tokens!);
        _unknownId = unknownId;
        _byteFallback = byteFallback;
        _unknownScore = _scores.DefaultIfEmpty(0).Min() - UnknownPenalty;
        for (var value = 0; value < 256; value++)
            _byteIds[value] = IdOf(string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>")) ?? -1;
    }

    public override IReadOnlyList<string?> Tokens => _tokens;

    public override int? IdOf(string token) => _index.Find(token) is var id and >= 0 ? id : null;

    public override void Tokenize(Piece piece, TokenSink sink)
    {
        var text = piece.Span;
        var path = BestPath(text);
        for (var i = 0; i < path.Count; i++)
        {
            var (id, start, end) = path[i];
            if (id == _unknownId)
            {
                while (i + 1 < path.Count && path[i + 1].Id == _unknownId)
                    end = path[++i].End;
                Unknown(piece, start, end, sink);
                continue;
            }
            Add(piece, id, start, end, sink);
        }
    }

    /// <summary>Tokens in order; positions are UTF-16 units of the piece.</summary>
    private List<(int Id, int Start, int End)> BestPath(ReadOnlySpan<char> text)
    {
        var best = new (double Score, int From, int Id)[text.Length + 1];
        for (var i = 1; i < best.Length; i++)
            best[i].From = -1;
        for (var start = 0; start < text.Length;)
        {
            Unicode.At(text, start, out var units);
            var soFar = best[start].Score;
            var hasSingle = false;
            var search = _index.Search(text[start..]);
            while (search.Next(out var id, out var length))
            {
                Offer(best, start + length, soFar + _scores[id], start, id);
                hasSingle |= length == units;
            }
            if (!hasSingle)
                Offer(best, start + units, soFar + _unknownScore, start, _unknownId ?? throw NoUnknown());
            start += units;
        }
        List<(int, int, int)> path = [];
        for (var end = text.Length; end > 0; end = best[end].From)
            path.Add((best[end].Id, best[end].From, end));
        path.Reverse();
        return path;
    }

    private static void Offer((double Score, int From, int Id)[] best, int end, double score, int from, int id)
    {
        if (best[end].From < 0 || score > best[end].Score)
            best[end] = (score, from, id);
    }

    private void Unknown(Piece piece, int start, int end, TokenSink sink)
    {
        var text = piece.Span[start..end];
        if (_index.Find(text) is var known and >= 0)
        {
            Add(piece, known, start, end, sink);
            return;
        }
        if (_byteFallback)
        {
            var bytes = new byte[Encoding.UTF8.GetByteCount(text)];
            Encoding.UTF8.GetBytes(text, bytes);
            if (Array.TrueForAll(bytes, b => _byteIds[b] >= 0))
            {
                foreach (var value in bytes)
                    Add(piece, _byteIds[value], start, end, sink);
                return;
            }
        }
        Add(piece, _unknownId!.Value, start, end, sink);
    }

    private static void Add(Piece piece, int id, int start, int end, TokenSink sink)
    {
        var range = piece.Owner.SourceRange(piece.Start + start, piece.Start + end);
        sink.Add(id, range.Start, range.End);
    }

    private static GridException NoUnknown() => new(ErrorCodes.InvalidTokenizer,
        "tokenizer.json: the text has a character that is no token, and $.model.unk_id names no token for it; set unk_id.", "$.model.unk_id");
}
