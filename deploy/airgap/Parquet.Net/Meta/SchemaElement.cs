namespace Parquet.Meta;

/// <summary>One node of the schema tree: a group when it has children, a column otherwise.</summary>
public class SchemaElement
{
    public Type? Type { get; set; }

    /// <summary>Bytes of one value of a FIXED_LEN_BYTE_ARRAY.</summary>
    public int? TypeLength { get; set; }

    public FieldRepetitionType? RepetitionType { get; set; }

    public string Name { get; set; } = string.Empty;

    public int? NumChildren { get; set; }

    public ConvertedType? ConvertedType { get; set; }

    public int? Scale { get; set; }

    public int? Precision { get; set; }

    public int? FieldId { get; set; }

    public LogicalType? LogicalType { get; set; }
}

/// <summary>A union: at most one member is set. None is set for kinds that are not known here.</summary>
public class LogicalType
{
    public StringType? STRING { get; set; }

    public MapType? MAP { get; set; }

    public ListType? LIST { get; set; }

    public EnumType? ENUM { get; set; }

    public DecimalType? DECIMAL { get; set; }

    public DateType? DATE { get; set; }

    public TimeType? TIME { get; set; }

    public TimestampType? TIMESTAMP { get; set; }

    public IntType? INTEGER { get; set; }

    public NullType? UNKNOWN { get; set; }

    public JsonType? JSON { get; set; }

    public BsonType? BSON { get; set; }

    public UUIDType? UUID { get; set; }

    public Float16Type? FLOAT16 { get; set; }
}

public class StringType;

public class MapType;

public class ListType;

public class EnumType;

public class DateType;

public class NullType;

public class JsonType;

public class BsonType;

public class UUIDType;

public class Float16Type;

public class MilliSeconds;

public class MicroSeconds;

public class NanoSeconds;

public class DecimalType
{
    public int Scale { get; set; }

    public int Precision { get; set; }
}

public class IntType
{
    public sbyte BitWidth { get; set; }

    public bool IsSigned { get; set; }
}

public class TimestampType
{
    public bool IsAdjustedToUTC { get; set; }

    public TimeUnit Unit { get; set; } = new();
}

public class TimeType
{
    public bool IsAdjustedToUTC { get; set; }

    public TimeUnit Unit { get; set; } = new();
}

/// <summary>A union: exactly one member is set.</summary>
public class TimeUnit
{
    public MilliSeconds? MILLIS { get; set; }

    public MicroSeconds? MICROS { get; set; }

    public NanoSeconds? NANOS { get; set; }
}
