using Parquet.Meta;
using Parquet.Schema;
using ParquetType = Parquet.Meta.Type;

namespace Parquet.File.Values;

/// <summary>Finds the codec for a column and a CLR type.</summary>
internal static class ValueCodecs
{
    /// <exception cref="ArgumentException">The column is not of type <typeparamref name="T"/>.</exception>
    public static ValueCodec<T> For<T>(DataField field, SchemaElement element)
    {
        string column = field.Path.ToString();
        if (element.Type is not { } type || !Enum.IsDefined(type))
            throw new ParquetException($"column '{column}' has the unknown type {(int?)element.Type}");
        if (Make(typeof(T), column, element) is ValueCodec<T> codec) return codec;
        throw new ArgumentException($"Field \"{column}\" ({field.ClrType}) is not compatible with type {typeof(T)}");
    }

    private static object? Make(System.Type type, string column, SchemaElement element) => element.Type switch
    {
        ParquetType.BOOLEAN when type == typeof(bool) => new BoolCodec(column),
        ParquetType.INT32 => Int32(type, column, element),
        ParquetType.INT64 => Int64(type, column, element),
        ParquetType.INT96 when type == typeof(DateTime) => new FixedCodec<DateTime>(column, 12, b => Temporal.ReadInt96(b, column), Temporal.WriteInt96),
        ParquetType.FLOAT when type == typeof(float) => new NumberCodec<float>(column),
        ParquetType.DOUBLE when type == typeof(double) => new NumberCodec<double>(column),
        ParquetType.BYTE_ARRAY => ByteArray(type, column, element),
        ParquetType.FIXED_LEN_BYTE_ARRAY => Fixed(type, column, element),
        _ => null,
    };

    private static object? Int32(System.Type type, string column, SchemaElement element)
    {
        int scale = ColumnTypes.DecimalScale(element);
        return type == typeof(int) ? new NumberCodec<int>(column)
            : type == typeof(uint) ? new NumberCodec<uint>(column)
            : type == typeof(sbyte) ? new MappedCodec<int, sbyte>(column, v => (sbyte)v, v => v)
            : type == typeof(byte) ? new MappedCodec<int, byte>(column, v => (byte)v, v => v)
            : type == typeof(short) ? new MappedCodec<int, short>(column, v => (short)v, v => v)
            : type == typeof(ushort) ? new MappedCodec<int, ushort>(column, v => (ushort)v, v => v)
            : type == typeof(DateTime) ? new MappedCodec<int, DateTime>(column, Temporal.Day, Temporal.Days)
            : type == typeof(DateOnly) ? new MappedCodec<int, DateOnly>(column, Temporal.Date, Temporal.Days)
            : type == typeof(decimal) ? new MappedCodec<int, decimal>(column, v => Decimals.Scaled(v, scale, column), v => checked((int)Decimals.Unscaled(v, scale, column)))
            : null;
    }

    private static object? Int64(System.Type type, string column, SchemaElement element)
    {
        int scale = ColumnTypes.DecimalScale(element);
        return type == typeof(long) ? new NumberCodec<long>(column)
            : type == typeof(ulong) ? new NumberCodec<ulong>(column)
            : type == typeof(DateTime) ? new MappedCodec<long, DateTime>(column, Temporal.Stamp(element), Temporal.Unstamp(element))
            : type == typeof(decimal) ? new MappedCodec<long, decimal>(column, v => Decimals.Scaled(v, scale, column), v => Decimals.Unscaled(v, scale, column))
            : null;
    }

    private static object? ByteArray(System.Type type, string column, SchemaElement element) =>
        type == typeof(ReadOnlyMemory<char>) ? new TextCodec(column)
        : type == typeof(string) ? new StringCodec(column)
        : type == typeof(ReadOnlyMemory<byte>) ? new BytesCodec(column)
        : type == typeof(decimal) ? new DecimalBytesCodec(column, ColumnTypes.DecimalScale(element))
        : null;

    private static object? Fixed(System.Type type, string column, SchemaElement element)
    {
        int width = element.TypeLength ?? 0;
        // Some writers leave the length of a column without values at zero.
        if (width is < 0 or > Limits.PageBytes) throw new ParquetException($"column '{column}' has values of {width} bytes");
        int scale = ColumnTypes.DecimalScale(element);
        return type == typeof(ReadOnlyMemory<byte>) ? new FixedBytesCodec(column, width)
            : type == typeof(Guid) && width == 16 ? new FixedCodec<Guid>(column, 16, b => new Guid(b, bigEndian: true), (v, b) => v.TryWriteBytes(b, bigEndian: true, out _))
            : type == typeof(decimal) ? new FixedCodec<decimal>(column, width, b => Decimals.Read(b, scale, column), (v, b) => Decimals.Write(v, scale, b, column))
            : null;
    }
}
