using Parquet.Thrift;

namespace Parquet.Meta;

/// <summary>Writes one element of the footer's schema list.</summary>
internal static class SchemaWriter
{
    public static void Write(ThriftWriter w, SchemaElement element)
    {
        w.Begin();
        w.I32(1, (int?)element.Type);
        w.I32(2, element.TypeLength);
        w.I32(3, (int?)element.RepetitionType);
        w.String(4, element.Name);
        w.I32(5, element.NumChildren);
        w.I32(6, (int?)element.ConvertedType);
        w.I32(7, element.Scale);
        w.I32(8, element.Precision);
        w.I32(9, element.FieldId);
        if (element.LogicalType is { } logical && Number(logical) is short id) Write(w, logical, id);
        w.End();
    }

    private static void Write(ThriftWriter w, LogicalType logical, short id)
    {
        w.BeginField(10);
        w.BeginField(id);
        if (logical.DECIMAL is { } number)
        {
            w.I32(1, number.Scale);
            w.I32(2, number.Precision);
        }
        else if (logical.INTEGER is { } integer)
        {
            w.SByte(1, integer.BitWidth);
            w.Bool(2, integer.IsSigned);
        }
        else if (logical.TIMESTAMP is { } timestamp)
        {
            WriteTime(w, timestamp.IsAdjustedToUTC, timestamp.Unit);
        }
        else if (logical.TIME is { } time)
        {
            WriteTime(w, time.IsAdjustedToUTC, time.Unit);
        }
        w.End();
        w.End();
    }

    private static void WriteTime(ThriftWriter w, bool utc, TimeUnit unit)
    {
        w.Bool(1, utc);
        w.BeginField(2);
        w.Empty((short)(unit.MILLIS is not null ? 1 : unit.MICROS is not null ? 2 : 3));
        w.End();
    }

    private static short? Number(LogicalType t) =>
        t.STRING is not null ? 1
        : t.MAP is not null ? 2
        : t.LIST is not null ? 3
        : t.ENUM is not null ? 4
        : t.DECIMAL is not null ? 5
        : t.DATE is not null ? 6
        : t.TIME is not null ? 7
        : t.TIMESTAMP is not null ? 8
        : t.INTEGER is not null ? 10
        : t.UNKNOWN is not null ? 11
        : t.JSON is not null ? 12
        : t.BSON is not null ? 13
        : t.UUID is not null ? 14
        : t.FLOAT16 is not null ? (short)15
        : null;
}
