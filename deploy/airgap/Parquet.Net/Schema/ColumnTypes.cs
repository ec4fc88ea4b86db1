using Parquet.Meta;
using ClrType = System.Type;
using ParquetType = Parquet.Meta.Type;

namespace Parquet.Schema;

/// <summary>
/// Which CLR type a column is read as. Types without one of their own here (intervals, half floats, unknown annotations) are read
/// as their stored bytes or integers.
/// </summary>
internal static class ColumnTypes
{
    public static DataField Field(SchemaElement element, ParquetOptions options)
    {
        ClrType type = Clr(element, options);
        if (type == typeof(DateTime)) return DateTimeField(element);
        return type == typeof(decimal) ? DecimalField(element) : new DataField(element.Name, type, isNullable: false);
    }

    public static bool IsString(SchemaElement element) =>
        element.Type == ParquetType.BYTE_ARRAY
        && (element.LogicalType is { STRING: not null } or { ENUM: not null } or { JSON: not null }
            || element.ConvertedType is ConvertedType.UTF8 or ConvertedType.ENUM or ConvertedType.JSON);

    public static int DecimalScale(SchemaElement element) => element.LogicalType?.DECIMAL?.Scale ?? element.Scale ?? 0;

    private static ClrType Clr(SchemaElement element, ParquetOptions options)
    {
        if (IsDecimal(element)) return typeof(decimal);
        return element.Type switch
        {
            ParquetType.BOOLEAN => typeof(bool),
            ParquetType.INT32 => Int32(element, options),
            ParquetType.INT64 => Int64(element),
            ParquetType.INT96 => typeof(DateTime),
            ParquetType.FLOAT => typeof(float),
            ParquetType.DOUBLE => typeof(double),
            ParquetType.BYTE_ARRAY when IsString(element) || options.TreatByteArrayAsString => typeof(ReadOnlyMemory<char>),
            ParquetType.FIXED_LEN_BYTE_ARRAY when element.LogicalType?.UUID is not null && element.TypeLength == 16 => typeof(Guid),
            _ => typeof(ReadOnlyMemory<byte>), // a type that is not known here is refused when its column is read
        };
    }

    private static ClrType Int32(SchemaElement element, ParquetOptions options)
    {
        if (element.LogicalType?.DATE is not null || element.ConvertedType == ConvertedType.DATE)
            return options.UseDateOnlyTypeForDates ? typeof(DateOnly) : typeof(DateTime);
        if (element.LogicalType?.INTEGER is { } integer)
        {
            return (integer.BitWidth, integer.IsSigned) switch
            {
                (8, true) => typeof(sbyte),
                (8, false) => typeof(byte),
                (16, true) => typeof(short),
                (16, false) => typeof(ushort),
                (_, false) => typeof(uint),
                _ => typeof(int),
            };
        }
        return element.ConvertedType switch
        {
            ConvertedType.INT_8 => typeof(sbyte),
            ConvertedType.UINT_8 => typeof(byte),
            ConvertedType.INT_16 => typeof(short),
            ConvertedType.UINT_16 => typeof(ushort),
            ConvertedType.UINT_32 => typeof(uint),
            _ => typeof(int),
        };
    }

    private static ClrType Int64(SchemaElement element)
    {
        bool timestamp = element.LogicalType?.TIMESTAMP is not null
            || element.ConvertedType is ConvertedType.TIMESTAMP_MILLIS or ConvertedType.TIMESTAMP_MICROS;
        if (timestamp) return typeof(DateTime);
        bool unsigned = element.LogicalType?.INTEGER is { } integer ? !integer.IsSigned : element.ConvertedType == ConvertedType.UINT_64;
        return unsigned ? typeof(ulong) : typeof(long);
    }

    /// <summary>A decimal of a kind that decimals may have; on floats and the like the annotation is ignored.</summary>
    private static bool IsDecimal(SchemaElement element) =>
        (element.LogicalType?.DECIMAL is not null || element.ConvertedType == ConvertedType.DECIMAL)
        && element.Type is ParquetType.INT32 or ParquetType.INT64 or ParquetType.BYTE_ARRAY or ParquetType.FIXED_LEN_BYTE_ARRAY;

    /// <summary>Where precision and scale make no sense the column is refused when it is read.</summary>
    private static DataField DecimalField(SchemaElement element)
    {
        int precision = element.LogicalType?.DECIMAL?.Precision ?? element.Precision ?? ParquetOptions.DefaultPrecision;
        int scale = DecimalScale(element);
        return precision < 1 || scale < 0 || scale > precision
            ? new DataField(element.Name, typeof(decimal), isNullable: false)
            : new DecimalDataField(element.Name, precision, scale);
    }

    private static DateTimeDataField DateTimeField(SchemaElement element)
    {
        string name = element.Name;
        if (element.Type == ParquetType.INT96) return new DateTimeDataField(name, DateTimeFormat.Impala);
        if (element.Type == ParquetType.INT32) return new DateTimeDataField(name, DateTimeFormat.Date);
        if (element.LogicalType?.TIMESTAMP is { } stamp)
            return new DateTimeDataField(name, DateTimeFormat.Timestamp, stamp.IsAdjustedToUTC, Unit(stamp.Unit));
        return new DateTimeDataField(name,
            element.ConvertedType == ConvertedType.TIMESTAMP_MICROS ? DateTimeFormat.DateAndTimeMicros : DateTimeFormat.DateAndTime);
    }

    private static DateTimeTimeUnit Unit(TimeUnit unit) =>
        unit.NANOS is not null ? DateTimeTimeUnit.Nanos
        : unit.MICROS is not null ? DateTimeTimeUnit.Micros
        : DateTimeTimeUnit.Millis;
}
