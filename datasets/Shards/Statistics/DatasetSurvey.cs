using System.Text.Json;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Shards;

/// <summary>Gathers a data set's statistics row by row.</summary>
internal sealed class DatasetSurvey
{
    private const int Samples = 3;

    private readonly LengthCount _lengths = new();
    private readonly List<string> _samples = [];

    public void Add(JsonElement row)
    {
        _lengths.Add(RowText.Length(row));
        if (_samples.Count < Samples)
            _samples.Add(RowText.Sample(row));
    }

    public DatasetStatistics? Conclude() => _lengths.ToHistogram() is { } lengths ? new DatasetStatistics(lengths, _samples) : null;
}
