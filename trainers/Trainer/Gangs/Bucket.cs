using FineTuneGrid.Models.Optim;

namespace FineTuneGrid.Trainer.Gangs;

/// <summary>A piece of the flat gradient that is summed over the workers in one go.</summary>
/// <param name="Layer">It is finished when the backward has passed this layer; null: at its end.</param>
/// <param name="Offset">In elements.</param>
/// <param name="Count">In elements.</param>
internal sealed record Bucket(int? Layer, long Offset, long Count)
{
    /// <summary>1 MB: so little that the first is soon under way, so much that a link's delay is paid seldom.</summary>
    public const long Least = 256L << 10;

    /// <summary>16 MB: several are under way where there is more.</summary>
    private const long Most = 4L << 20;

    private long End => Offset + Count;

    /// <summary>
    /// The pieces in the order in which a backward finishes them. They follow from the parameters' places alone, never from what happens in
    /// a step, so that all workers begin the same ones in the same order.
    /// </summary>
    public static IReadOnlyList<Bucket> Of(IReadOnlyList<FlatSlot> slots, long least = Least, long most = Most)
    {
        var pieces = slots.OrderByDescending(s => s.Layer ?? -1).ThenBy(s => s.Offset).Select(s => new Bucket(s.Layer, s.Offset, s.Count));
        var layers = Join(pieces, (before, next) => before.Layer == next.Layer);
        return [.. Join(layers, (before, _) => before.Count < least).SelectMany(b => b.Cut(most))];
    }

    /// <summary>Those that may be and lie side by side become one, which is finished when the later of them is.</summary>
    private static List<Bucket> Join(IEnumerable<Bucket> pieces, Func<Bucket, Bucket, bool> may)
    {
        var joined = new List<Bucket>();
        foreach (var next in pieces)
        {
            if (joined.Count > 0 && joined[^1] is var before && may(before, next) && (before.End == next.Offset || next.End == before.Offset))
                joined[^1] = new Bucket(next.Layer, Math.Min(before.Offset, next.Offset), before.Count + next.Count);
            else joined.Add(next);
        }
        return joined;
    }

    private IEnumerable<Bucket> Cut(long most)
    {
        for (long at = 0; at < Count; at += most) yield return new Bucket(Layer, Offset + at, Math.Min(most, Count - at));
    }
}
