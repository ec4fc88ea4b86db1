using System.Globalization;
using System.Text;

namespace FineTuneGrid.Text.Tokenization;

/// <summary>Rewrites a list of token strings on its way to text. The strings are joined at the end.</summary>
internal abstract class Decoder
{
    public abstract List<string> Apply(List<string> tokens);
}

internal sealed class SequenceDecoder(IReadOnlyList<Decoder> parts) : Decoder
{
    public override List<string> Apply(List<string> tokens)
    {
        foreach (var part in parts)
            tokens = part.Apply(tokens);
        return tokens;
    }
}

/// <summary>Byte alphabet back to UTF-8; bytes that are not UTF-8 become U+FFFD.</summary>
internal sealed class ByteLevelDecoder : Decoder
{
    public override List<string> Apply(List<string> tokens)
    {
        List<byte> bytes = [];
        foreach (var token in tokens)
            ByteAlphabet.AppendBytes(token, bytes);
        return [Encoding.UTF8.GetString([.. bytes])];
    }
}

/// <summary>Runs of &lt;0x..&gt; tokens back to UTF-8; a run that is not UTF-8 becomes one U+FFFD a byte.</summary>
internal sealed class ByteFallbackDecoder : Decoder
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public override List<string> Apply(List<string> tokens)
    {
        List<string> result = [];
        List<byte> run = [];
        foreach (var token in tokens)
        {
            if (token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
                && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            {
                run.Add(value);
                continue;
            }
            Flush(run, result);
            result.Add(token);
        }
        Flush(run, result);
        return result;
    }

    private static void Flush(List<byte> run, List<string> into)
    {
        if (run.Count == 0)
            return;
        var bytes = run.ToArray();
        run.Clear();
        if (System.Text.Unicode.Utf8.IsValid(bytes))
        {
            into.Add(Strict.GetString(bytes));
            return;
        }
        for (var i = 0; i < bytes.Length; i++)
            into.Add("\uFFFD");
    }
}

internal sealed class FuseDecoder : Decoder
{
    public override List<string> Apply(List<string> tokens) => [string.Concat(tokens)];
}

/// <summary>Rewrites each token by itself; the index tells the first token.</summary>
internal sealed class TokenDecoder(Func<string, int, int, string> map) : Decoder
{
    private static readonly (string From, string To)[] Cleanups =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];

    public override List<string> Apply(List<string> tokens)
    {
        List<string> result = new(tokens.Count);
        for (var i = 0; i < tokens.Count; i++)
            result.Add(map(tokens[i], i, tokens.Count));
        return result;
    }

    /// <summary>Removes up to <paramref name="start"/> leading and <paramref name="stop"/> trailing occurrences of a character.</summary>
    public static Func<string, int, int, string> Strip(char content, int start, int stop) => (token, _, _) =>
    {
        var from = 0;
        while (from < start && from < token.Length && token[from] == content)
            from++;
        var to = token.Length;
        while (token.Length - to < stop && to > from && token[to - 1] == content)
            to--;
        return token[from..to];
    };

    /// <summary>▁ back to spaces; the first token loses its marks, which the tokenizer put there.</summary>
    public static Func<string, int, int, string> Metaspace(char replacement, PrependScheme scheme) => (token, index, _) =>
        index == 0 && scheme != PrependScheme.Never
            ? token.Replace(replacement.ToString(), "", StringComparison.Ordinal)
            : token.Replace(replacement, ' ');

    /// <summary>The end-of-word mark becomes a space, and nothing at the very end.</summary>
    public static Func<string, int, int, string> EndOfWord(string suffix) => (token, index, count) =>
        token.Replace(suffix, index == count - 1 ? "" : " ", StringComparison.Ordinal);

    /// <summary>Continuations lose their mark, other tokens get a space before them; with clean-up spaces before punctuation go.</summary>
    public static Func<string, int, int, string> WordPiece(string prefix, bool cleanup) => (token, index, _) =>
    {
        var text = index == 0 ? token : token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : " " + token;
        return cleanup ? Cleaned(text) : text;
    };

    /// <summary>English text as it is written: no space before punctuation and clitics.</summary>
    public static string Cleaned(string text)
    {
        foreach (var (from, to) in Cleanups)
            text = text.Replace(from, to, StringComparison.Ordinal);
        return text;
    }

    public static Func<string, int, int, string> Replace(TextPattern pattern, string content) => (token, _, _) =>
        new ReplaceNormalizer(pattern, content).Apply(AlignedText.Slice(token, 0, token.Length)).Text;
}

/// <summary>What connectionist temporal classification models say: repeats are one token, pads are nothing.</summary>
internal sealed class CtcDecoder(string pad, string wordDelimiter, bool cleanup) : Decoder
{
    public override List<string> Apply(List<string> tokens)
    {
        List<string> result = [];
        string? previous = null;
        foreach (var token in tokens)
        {
            if (token == previous)
                continue;
            previous = token;
            var text = pad.Length > 0 ? token.Replace(pad, "", StringComparison.Ordinal) : token;
            if (cleanup)
                text = TokenDecoder.Cleaned(text);
            if (cleanup && wordDelimiter.Length > 0)
                text = text.Replace(wordDelimiter, " ", StringComparison.Ordinal);
            if (text.Length > 0)
                result.Add(text);
        }
        return result;
    }
}
