using System.Text.Json.Serialization;

namespace FineTuneGrid.Contracts.Inspection;

/// <summary>How long the rows of a data set are.</summary>
/// <param name="Total">All lengths together.</param>
/// <param name="Ranges">Those that rows fall into, shortest first.</param>
public sealed record LengthHistogram(long Count, long Total, long Shortest, long Longest, IReadOnlyList<LengthRange> Ranges)
{
    [JsonIgnore]
    public double Mean => Count == 0 ? 0 : (double)Total / Count;

    /// <summary>A length that this share of the rows does not exceed: the end of the range in which it is reached.</summary>
    /// <param name="share">0 to 1.</param>
    public long AtMost(double share)
    {
        var wanted = (long)Math.Ceiling(share * Count);
        var seen = 0L;
        foreach (var range in Ranges)
        {
            seen += range.Count;
            if (seen >= wanted) return Math.Min(Longest, range.Below - 1);
        }
        return Longest;
    }
}

/// <summary>Rows of at least <paramref name="From"/> and less than <paramref name="Below"/>.</summary>
public sealed record LengthRange(long From, long Below, long Count);

/// <summary>What a data set's rows are like.</summary>
/// <param name="Characters">Of each row's texts together; of rows of token ids, how many ids.</param>
/// <param name="Samples">The first rows as JSON, long ones cut.</param>
public sealed record DatasetStatistics(LengthHistogram Characters, IReadOnlyList<string> Samples);
