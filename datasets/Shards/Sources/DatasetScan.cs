using System.Text.Json;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Shards;

/// <summary>One pass over the rows of a data set: its shards, and what is wrong with which row.</summary>
/// <param name="format">What the rows must fit; null: only that they can be read is checked.</param>
/// <param name="damaged">Rows that cannot be read.</param>
/// <param name="faults">Rows that can, and do not fit.</param>
internal sealed class DatasetScan(RowFormat? format, FindingList damaged, FindingList faults)
{
    private readonly List<SourceShard> _shards = [];

    public IReadOnlyList<SourceShard> Shards => _shards;

    public long Rows => _shards.Sum(s => s.Rows);

    /// <param name="seen">Called for every row that can be read, with whether it fits.</param>
    public async Task RunAsync(SourceSet sources, IReadOnlySet<string> columns, CancellationToken cancellation, Action<JsonElement, bool>? seen = null)
    {
        await foreach (var (file, slice) in sources.ReadAsync(columns, cancellation))
        {
            _shards.Add(new SourceShard(file.Path, slice.Slice, slice.FirstRow, slice.Rows.Count));
            foreach (var row in slice.Rows)
            {
                if (row.Problem is not null)
                {
                    damaged.Add(file.Path, row.Row, row.Problem);
                    continue;
                }
                var problem = format?.Problem(row.Value);
                if (problem is not null)
                    faults.Add(file.Path, row.Row, problem, row.Value);
                seen?.Invoke(row.Value, problem is null);
            }
        }
    }
}
