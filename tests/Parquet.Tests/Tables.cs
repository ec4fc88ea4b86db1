using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace FineTuneGrid.ParquetTests;

/// <summary>Writes and reads small files in memory, through the public API only.</summary>
internal static class Tables
{
    public static async Task<byte[]> WriteAsync(ParquetSchema schema, ParquetOptions? options, params Func<ParquetRowGroupWriter, Task>[] groups)
    {
        var stream = new MemoryStream();
        await using (ParquetWriter writer = await ParquetWriter.CreateAsync(schema, stream, options))
        {
            foreach (Func<ParquetRowGroupWriter, Task> group in groups)
            {
                using ParquetRowGroupWriter rows = writer.CreateRowGroup();
                await group(rows);
                rows.CompleteValidate();
            }
        }
        return stream.ToArray();
    }

    /// <summary>One column of one row group with nulls in place, whatever its type; strings as strings.</summary>
    public static async Task<List<object?>> FlatAsync(byte[] file, int column = 0, int group = 0, ParquetOptions? options = null)
    {
        await using ParquetReader reader = await ParquetReader.CreateAsync(new MemoryStream(file), options);
        DataField field = reader.Schema.DataFields[column];
        using ParquetRowGroupReader rows = reader.OpenRowGroupReader(group);
        using RawColumnData raw = await rows.ReadRawColumnDataBaseAsync(field);
        return Entries(field, raw, (int)rows.GetMetadata(field)!.MetaData!.NumValues);
    }

    /// <summary>Every entry of a column: its value, or null where the definition level is below the column's last.</summary>
    public static List<object?> Entries(DataField field, RawColumnData raw, int count)
    {
        var entries = new List<object?>();
        int next = 0;
        for (int i = 0; i < count; i++)
        {
            bool present = field.MaxDefinitionLevel == 0 || raw.DefinitionLevels[i] == field.MaxDefinitionLevel;
            entries.Add(present ? Value(raw, next++) : null);
        }
        return entries;
    }

    private static object Value(RawColumnData raw, int i) => raw switch
    {
        RawColumnData<ReadOnlyMemory<char>> text => text.Values[i].ToString(),
        RawColumnData<ReadOnlyMemory<byte>> bytes => Convert.ToHexString(bytes.Values[i].Span),
        RawColumnData<bool> x => x.Values[i],
        RawColumnData<sbyte> x => x.Values[i],
        RawColumnData<byte> x => x.Values[i],
        RawColumnData<short> x => x.Values[i],
        RawColumnData<ushort> x => x.Values[i],
        RawColumnData<int> x => x.Values[i],
        RawColumnData<uint> x => x.Values[i],
        RawColumnData<long> x => x.Values[i],
        RawColumnData<ulong> x => x.Values[i],
        RawColumnData<float> x => x.Values[i],
        RawColumnData<double> x => x.Values[i],
        RawColumnData<decimal> x => x.Values[i],
        RawColumnData<DateTime> x => x.Values[i],
        RawColumnData<DateOnly> x => x.Values[i],
        RawColumnData<Guid> x => x.Values[i],
        _ => throw new InvalidOperationException($"unexpected {raw.GetType()}"),
    };
}
