namespace FineTuneGrid.Contracts;

/// <summary>What a caller may have meant by a name that is not known.</summary>
public static class Spelling
{
    /// <summary>The end of a sentence that refuses <paramref name="name"/>, with its own full stop or question mark.</summary>
    public static string Advice(string name, IEnumerable<string> known)
    {
        var names = known.ToList();
        var best = names.MinBy(k => EditDistance(name, k));
        return best is not null && EditDistance(name, best) <= Math.Max(2, name.Length / 3) ? $"; did you mean '{best}'?" : $"; known fields are {string.Join(", ", names)}.";
    }

    /// <summary>Levenshtein's distance by two rows.</summary>
    private static int EditDistance(string a, string b)
    {
        var previous = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var current = new int[b.Length + 1];
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
                current[j] = Math.Min(Math.Min(current[j - 1], previous[j]) + 1, previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
            previous = current;
        }
        return previous[b.Length];
    }
}
