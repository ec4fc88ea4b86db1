using System.Text.Json;
using FineTuneGrid.Contracts;

namespace FineTuneGrid.Shards;

/// <summary>What is wrong with the rows of a data set: the first hundred by name, the rest by number.</summary>
public sealed class FindingList
{
    public const int MaximumNamed = 100;
    private const int LongestMessage = 500;

    private readonly List<GridFinding> _findings = [];

    public long Count { get; private set; }

    public IReadOnlyList<GridFinding> Named => _findings;

    /// <param name="value">The row itself, where it could be read.</param>
    public void Add(string file, long row, string message, JsonElement value = default)
    {
        Count++;
        if (_findings.Count < MaximumNamed)
            _findings.Add(new GridFinding(file, message.Length <= LongestMessage ? message : message[..LongestMessage] + "...", row, RowText.Beginning(value)));
    }

    /// <summary>Whether all named findings say exactly this.</summary>
    public bool AllAre(string message) => _findings.TrueForAll(f => f.Message == message);

    /// <exception cref="GridException">There is at least one finding.</exception>
    public void ThrowIfAny(string code, string datasetField, string advice)
    {
        if (Count == 0)
            return;
        var first = _findings[0];
        var more = Count > 1 ? $" {Count} rows have faults; the first {_findings.Count} are listed." : "";
        throw new GridException(code, $"'{first.Where}', row {first.Row}: {first.Message.TrimEnd('.')}.{more} {advice}".TrimEnd(), datasetField) { Findings = _findings };
    }
}
