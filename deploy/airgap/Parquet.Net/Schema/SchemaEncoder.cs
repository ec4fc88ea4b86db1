using Parquet.Meta;
using ClrType = System.Type;
using ParquetType = Parquet.Meta.Type;

namespace Parquet.Schema;

/// <summary>Turns fields into the footer's flat, depth-first list of schema elements.</summary>
internal static class SchemaEncoder
{
    public static List<SchemaElement> Encode(ParquetSchema schema)
    {
        var elements = new List<SchemaElement> { new() { Name = "root", NumChildren = schema.Fields.Count } };
        foreach (Field field in schema.Fields) Encode(field, elements);
        return elements;
    }

    private static void Encode(Field field, List<SchemaElement> into)
    {
        switch (field)
        {
            case DataField column:
                into.Add(Column(column));
                return;
            case ListField { Shape: ListShape.Bare } bare:
                Encode(bare.Item, into, FieldRepetitionType.REPEATED);
                return;
            case ListField list:
                into.Add(Group(list, new LogicalType { LIST = new ListType() }, ConvertedType.LIST));
                if (list.Shape == ListShape.TwoLevel)
                {
                    Encode(list.Item, into, FieldRepetitionType.REPEATED);
                    return;
                }
                into.Add(new SchemaElement { Name = list.ContainerName, RepetitionType = FieldRepetitionType.REPEATED, NumChildren = 1 });
                break;
            case MapField map:
                into.Add(Group(map, new LogicalType { MAP = new MapType() }, ConvertedType.MAP));
                into.Add(new SchemaElement { Name = map.ContainerName, RepetitionType = FieldRepetitionType.REPEATED, NumChildren = 2 });
                break;
            default:
                into.Add(new SchemaElement { Name = field.Name, RepetitionType = Repetition(field), NumChildren = field.Children.Count });
                break;
        }
        foreach (Field child in field.Children) Encode(child, into);
    }

    private static void Encode(Field item, List<SchemaElement> into, FieldRepetitionType repetition)
    {
        int at = into.Count;
        Encode(item, into);
        into[at].RepetitionType = repetition;
    }

    private static SchemaElement Group(Field field, LogicalType logical, ConvertedType converted) => new()
    {
        Name = field.Name,
        RepetitionType = Repetition(field),
        NumChildren = 1,
        LogicalType = logical,
        ConvertedType = converted,
    };

    private static FieldRepetitionType Repetition(Field field) =>
        field is DataField { IsArray: true } ? FieldRepetitionType.REPEATED
        : field.IsNullable ? FieldRepetitionType.OPTIONAL
        : FieldRepetitionType.REQUIRED;

    private static SchemaElement Column(DataField field)
    {
        // What was read from a file goes back as it was: lengths and annotations that have no CLR type of their own included.
        if (field.SchemaElement is { } own) return Copy(own);
        var element = new SchemaElement { Name = field.Name, RepetitionType = Repetition(field) };
        if (field is DecimalDataField || field.ClrType == typeof(decimal)) Decimal(field as DecimalDataField, element);
        else if (field.ClrType == typeof(DateTime)) DateTimes(field as DateTimeDataField, element);
        else Plain(field.ClrType, element);
        return element;
    }

    private static SchemaElement Copy(SchemaElement own) => new()
    {
        Name = own.Name,
        Type = own.Type,
        TypeLength = own.TypeLength,
        RepetitionType = own.RepetitionType,
        ConvertedType = own.ConvertedType,
        LogicalType = own.LogicalType,
        Precision = own.Precision,
        Scale = own.Scale,
        FieldId = own.FieldId,
    };

    private static void Plain(ClrType type, SchemaElement element)
    {
        if (type == typeof(bool)) element.Type = ParquetType.BOOLEAN;
        else if (type == typeof(float)) element.Type = ParquetType.FLOAT;
        else if (type == typeof(double)) element.Type = ParquetType.DOUBLE;
        else if (type == typeof(ReadOnlyMemory<byte>)) element.Type = ParquetType.BYTE_ARRAY;
        else if (type == typeof(sbyte)) Integer(element, 8, true, ConvertedType.INT_8);
        else if (type == typeof(byte)) Integer(element, 8, false, ConvertedType.UINT_8);
        else if (type == typeof(short)) Integer(element, 16, true, ConvertedType.INT_16);
        else if (type == typeof(ushort)) Integer(element, 16, false, ConvertedType.UINT_16);
        else if (type == typeof(int)) Integer(element, 32, true, ConvertedType.INT_32);
        else if (type == typeof(uint)) Integer(element, 32, false, ConvertedType.UINT_32);
        else if (type == typeof(long)) Integer(element, 64, true, ConvertedType.INT_64);
        else if (type == typeof(ulong)) Integer(element, 64, false, ConvertedType.UINT_64);
        else if (type == typeof(Guid)) Annotate(element, ParquetType.FIXED_LEN_BYTE_ARRAY, new LogicalType { UUID = new UUIDType() }, null, 16);
        else if (type == typeof(DateOnly)) Annotate(element, ParquetType.INT32, new LogicalType { DATE = new DateType() }, ConvertedType.DATE);
        else Annotate(element, ParquetType.BYTE_ARRAY, new LogicalType { STRING = new StringType() }, ConvertedType.UTF8);
    }

    private static void Integer(SchemaElement element, sbyte bits, bool signed, ConvertedType converted) =>
        Annotate(element, bits == 64 ? ParquetType.INT64 : ParquetType.INT32,
            new LogicalType { INTEGER = new IntType { BitWidth = bits, IsSigned = signed } }, converted);

    private static void Annotate(SchemaElement element, ParquetType type, LogicalType? logical, ConvertedType? converted, int? length = null)
    {
        element.Type = type;
        element.LogicalType = logical;
        element.ConvertedType = converted;
        element.TypeLength = length;
    }

    private static void DateTimes(DateTimeDataField? field, SchemaElement element)
    {
        switch (field?.DateTimeFormat)
        {
            case DateTimeFormat.Date:
                Annotate(element, ParquetType.INT32, new LogicalType { DATE = new DateType() }, ConvertedType.DATE);
                break;
            case DateTimeFormat.DateAndTime:
                Annotate(element, ParquetType.INT64, null, ConvertedType.TIMESTAMP_MILLIS);
                break;
            case DateTimeFormat.DateAndTimeMicros:
                Annotate(element, ParquetType.INT64, null, ConvertedType.TIMESTAMP_MICROS);
                break;
            case DateTimeFormat.Timestamp:
                var stamp = new TimestampType { IsAdjustedToUTC = field.IsAdjustedToUTC, Unit = Unit(field.Unit) };
                Annotate(element, ParquetType.INT64, new LogicalType { TIMESTAMP = stamp }, null);
                break;
            default:
                element.Type = ParquetType.INT96;
                break;
        }
    }

    private static TimeUnit Unit(DateTimeTimeUnit unit) => unit switch
    {
        DateTimeTimeUnit.Nanos => new TimeUnit { NANOS = new NanoSeconds() },
        DateTimeTimeUnit.Micros => new TimeUnit { MICROS = new MicroSeconds() },
        _ => new TimeUnit { MILLIS = new MilliSeconds() },
    };

    private static void Decimal(DecimalDataField? field, SchemaElement element)
    {
        int precision = field?.Precision ?? ParquetOptions.DefaultPrecision;
        int scale = field?.Scale ?? ParquetOptions.DefaultScale;
        ParquetType type = field is { ForceByteArrayEncoding: false, Precision: <= 9 } ? ParquetType.INT32
            : field is { ForceByteArrayEncoding: false, Precision: <= 18 } ? ParquetType.INT64
            : ParquetType.FIXED_LEN_BYTE_ARRAY;
        int? length = type == ParquetType.FIXED_LEN_BYTE_ARRAY ? DecimalBytes(precision) : null;
        Annotate(element, type, new LogicalType { DECIMAL = new DecimalType { Precision = precision, Scale = scale } }, ConvertedType.DECIMAL, length);
        element.Precision = precision;
        element.Scale = scale;
    }

    /// <summary>Fewest bytes whose signed range holds every number of so many digits.</summary>
    private static int DecimalBytes(int precision)
    {
        var largest = System.Numerics.BigInteger.Pow(10, precision) - 1;
        return (int)(largest.GetBitLength() + 8) / 8;
    }
}
