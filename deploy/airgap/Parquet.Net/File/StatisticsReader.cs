using Parquet.Data;
using Parquet.Meta;
using Parquet.Schema;
using ParquetType = Parquet.Meta.Type;

namespace Parquet.File;

/// <summary>Statistics of the footer as CLR values. What does not fit its type is left out.</summary>
internal static class StatisticsReader
{
    public static DataColumnStatistics Read(Statistics stats, SchemaElement? element) =>
        new(stats.NullCount, stats.DistinctCount, Value(stats.MinValue, element), Value(stats.MaxValue, element));

    private static object? Value(byte[]? bytes, SchemaElement? element) => (element?.Type, bytes?.Length) switch
    {
        (_, null) => null,
        (ParquetType.BOOLEAN, 1) => bytes![0] != 0,
        (ParquetType.INT32, 4) => BitConverter.ToInt32(bytes!),
        (ParquetType.INT64, 8) => BitConverter.ToInt64(bytes!),
        (ParquetType.FLOAT, 4) => BitConverter.ToSingle(bytes!),
        (ParquetType.DOUBLE, 8) => BitConverter.ToDouble(bytes!),
        (ParquetType.BYTE_ARRAY, _) => ColumnTypes.IsString(element!) ? System.Text.Encoding.UTF8.GetString(bytes!) : bytes,
        _ => null,
    };
}
