using System.Text.Json;

namespace FineTuneGrid.Shards;

/// <summary>A row as it was found: its number in its file (the first is 1) and its value, or why there is none.</summary>
public readonly record struct NumberedRow(long Row, JsonElement Value, string? Problem);

/// <summary>Consecutive rows of one file that make one shard.</summary>
/// <param name="Slice">Row group of a Parquet file, or running number of the slice of a JSONL file.</param>
/// <param name="FirstRow">Number of rows of the file before it.</param>
public sealed record SourceSlice(int Slice, long FirstRow, IReadOnlyList<NumberedRow> Rows);
