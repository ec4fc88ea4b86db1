using FineTuneGrid.Text;

namespace FineTuneGrid.Trainer.Tasks;

/// <summary>
/// What each token of a sequence adds to its text. A token alone may be half a character, or lose the space that it begins with, so
/// that each is decoded behind a few before it.
/// </summary>
internal sealed class TokenPieces(Tokenizer tokenizer)
{
    private const char Broken = '\uFFFD';

    private readonly List<int> _ids = [];
    private int _from;
    private int _said;

    /// <summary>How a token reads in this place: what it adds to the text; its spelling in the vocabulary where that is nothing whole.</summary>
    public string Name(int id)
    {
        var added = Added([.. _ids.Skip(_from), id]);
        return added.Length > 0 && !added.Contains(Broken) ? added : tokenizer.TokenOf(id) ?? "";
    }

    /// <summary>Takes the next token and returns the text that is complete with it; empty for special tokens and parts of a character.</summary>
    public string Add(int id)
    {
        _ids.Add(id);
        var added = Added([.. _ids.Skip(_from)]);
        if (added.Length == 0 || added[^1] == Broken)
            return "";
        (_from, _said) = (_said, _ids.Count);
        return added;
    }

    private string Added(int[] window)
    {
        var before = tokenizer.Decode(window.AsSpan(0, _said - _from));
        var all = tokenizer.Decode(window);
        return all.Length > before.Length ? all[before.Length..] : "";
    }
}
