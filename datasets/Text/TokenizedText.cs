namespace FineTuneGrid.Text;

/// <summary>
/// Token ids with the part of the source text that each came from. The three arrays have one entry per token;
/// offsets are UTF-16 positions, end exclusive. A token that a post-processor or normalizer adds has an empty range.
/// </summary>
public sealed class TokenizedText(int[] ids, int[] starts, int[] ends)
{
    public int[] Ids { get; } = ids;

    public int[] Starts { get; } = starts;

    public int[] Ends { get; } = ends;

    public int Count => Ids.Length;
}
