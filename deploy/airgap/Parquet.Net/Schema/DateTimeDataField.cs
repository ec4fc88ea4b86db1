namespace Parquet.Schema;

public enum DateTimeFormat
{
    /// <summary>INT96: nanoseconds of the day and Julian day.</summary>
    Impala,

    /// <summary>Milliseconds since 1970 (older annotation).</summary>
    DateAndTime,

    /// <summary>Microseconds since 1970 (older annotation).</summary>
    DateAndTimeMicros,

    /// <summary>Days since 1970.</summary>
    Date,

    /// <summary>Since 1970, in the field's unit.</summary>
    Timestamp,
}

public enum DateTimeTimeUnit
{
    Millis,
    Micros,
    Nanos,
}

/// <summary>A date or timestamp column.</summary>
public class DateTimeDataField : DataField
{
    public DateTimeDataField(string name, DateTimeFormat format, bool isAdjustedToUTC = true, DateTimeTimeUnit? unit = null,
        bool? isNullable = null, bool? isArray = null, string? propertyName = null)
        : base(name, typeof(DateTime), isNullable, isArray, propertyName)
    {
        DateTimeFormat = format;
        IsAdjustedToUTC = isAdjustedToUTC;
        Unit = format switch
        {
            DateTimeFormat.DateAndTime => DateTimeTimeUnit.Millis,
            DateTimeFormat.DateAndTimeMicros => DateTimeTimeUnit.Micros,
            _ => unit ?? DateTimeTimeUnit.Millis,
        };
    }

    public DateTimeFormat DateTimeFormat { get; }

    public bool IsAdjustedToUTC { get; }

    public DateTimeTimeUnit Unit { get; }
}
