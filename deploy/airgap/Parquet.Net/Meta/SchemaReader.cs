using Parquet.Thrift;

namespace Parquet.Meta;

/// <summary>Reads one element of the footer's schema list.</summary>
internal static class SchemaReader
{
    public static SchemaElement Element(ref ThriftReader r)
    {
        var element = new SchemaElement();
        short id = r.Begin();
        while (r.Next(ref id, out CompactType type))
        {
            switch (id)
            {
                case 1: element.Type = (Type)r.I32(type, id); break;
                case 2: element.TypeLength = r.I32(type, id); break;
                case 3: element.RepetitionType = (FieldRepetitionType)r.I32(type, id); break;
                case 4: element.Name = r.String(type, id); break;
                case 5: element.NumChildren = r.I32(type, id); break;
                case 6: element.ConvertedType = (ConvertedType)r.I32(type, id); break;
                case 7: element.Scale = r.I32(type, id); break;
                case 8: element.Precision = r.I32(type, id); break;
                case 9: element.FieldId = r.I32(type, id); break;
                case 10: r.Expect(type, CompactType.Struct, id); element.LogicalType = Logical(ref r); break;
                default: r.Skip(type); break;
            }
        }
        r.End();
        return element;
    }

    private static LogicalType Logical(ref ThriftReader r)
    {
        var logical = new LogicalType();
        short id = r.Begin();
        while (r.Next(ref id, out CompactType type))
        {
            switch (id)
            {
                case 5: r.Expect(type, CompactType.Struct, id); logical.DECIMAL = Decimal(ref r); break;
                case 7: r.Expect(type, CompactType.Struct, id); logical.TIME = Time(ref r); break;
                case 8: r.Expect(type, CompactType.Struct, id); logical.TIMESTAMP = Timestamp(ref r); break;
                case 10: r.Expect(type, CompactType.Struct, id); logical.INTEGER = Integer(ref r); break;
                default: r.Skip(type); Mark(logical, id); break;
            }
        }
        r.End();
        return logical;
    }

    /// <summary>The kinds that carry no parameters.</summary>
    private static void Mark(LogicalType logical, short id)
    {
        switch (id)
        {
            case 1: logical.STRING = new StringType(); break;
            case 2: logical.MAP = new MapType(); break;
            case 3: logical.LIST = new ListType(); break;
            case 4: logical.ENUM = new EnumType(); break;
            case 6: logical.DATE = new DateType(); break;
            case 11: logical.UNKNOWN = new NullType(); break;
            case 12: logical.JSON = new JsonType(); break;
            case 13: logical.BSON = new BsonType(); break;
            case 14: logical.UUID = new UUIDType(); break;
            case 15: logical.FLOAT16 = new Float16Type(); break;
        }
    }

    private static DecimalType Decimal(ref ThriftReader r)
    {
        var value = new DecimalType();
        short id = r.Begin();
        while (r.Next(ref id, out CompactType type))
        {
            if (id == 1) value.Scale = r.I32(type, id);
            else if (id == 2) value.Precision = r.I32(type, id);
            else r.Skip(type);
        }
        r.End();
        return value;
    }

    private static IntType Integer(ref ThriftReader r)
    {
        var value = new IntType();
        short id = r.Begin();
        while (r.Next(ref id, out CompactType type))
        {
            if (id == 1) value.BitWidth = r.SByte(type, id);
            else if (id == 2) value.IsSigned = r.Bool(type, id);
            else r.Skip(type);
        }
        r.End();
        return value;
    }

    private static TimeType Time(ref ThriftReader r)
    {
        TimestampType both = Timestamp(ref r);
        return new TimeType { IsAdjustedToUTC = both.IsAdjustedToUTC, Unit = both.Unit };
    }

    private static TimestampType Timestamp(ref ThriftReader r)
    {
        var value = new TimestampType();
        short id = r.Begin();
        while (r.Next(ref id, out CompactType type))
        {
            if (id == 1) value.IsAdjustedToUTC = r.Bool(type, id);
            else if (id == 2 && type == CompactType.Struct) value.Unit = Unit(ref r);
            else r.Skip(type);
        }
        r.End();
        return value;
    }

    private static TimeUnit Unit(ref ThriftReader r)
    {
        var unit = new TimeUnit();
        short id = r.Begin();
        while (r.Next(ref id, out CompactType type))
        {
            r.Skip(type);
            if (id == 1) unit.MILLIS = new MilliSeconds();
            else if (id == 2) unit.MICROS = new MicroSeconds();
            else if (id == 3) unit.NANOS = new NanoSeconds();
        }
        r.End();
        return unit;
    }
}
