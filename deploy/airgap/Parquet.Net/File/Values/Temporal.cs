using System.Buffers.Binary;
using Parquet.Meta;

namespace Parquet.File.Values;

/// <summary>Dates and timestamps. What .NET cannot express is an <see cref="ArgumentOutOfRangeException"/>, which the codecs turn into a refusal.</summary>
internal static class Temporal
{
    /// <summary>Julian day number of 1970-01-01.</summary>
    private const int JulianEpoch = 2_440_588;

    private const long NanosecondsPerTick = 100;

    public static DateTime Day(int days) => DateTime.UnixEpoch.AddTicks(checked(days * TimeSpan.TicksPerDay));

    public static int Days(DateTime value) => (int)Math.Floor((value - DateTime.UnixEpoch).TotalDays);

    public static DateOnly Date(int days) => DateOnly.FromDateTime(Day(days));

    public static int Days(DateOnly value) => value.DayNumber - DateOnly.FromDateTime(DateTime.UnixEpoch).DayNumber;

    /// <summary>Reads a count of units since 1970. Local where the file says that its times belong to no zone.</summary>
    public static Func<long, DateTime> Stamp(SchemaElement element)
    {
        TimestampType? logical = element.LogicalType?.TIMESTAMP;
        DateTimeKind kind = logical is { IsAdjustedToUTC: false } ? DateTimeKind.Local : DateTimeKind.Utc;
        if (logical?.Unit.NANOS is not null) return nanos => From(FloorDivide(nanos, NanosecondsPerTick), kind);
        long ticks = TicksPerUnit(element);
        return units => From(checked(units * ticks), kind);
    }

    public static Func<DateTime, long> Unstamp(SchemaElement element)
    {
        if (element.LogicalType?.TIMESTAMP?.Unit.NANOS is not null) return value => checked(Ticks(value) * NanosecondsPerTick);
        long ticks = TicksPerUnit(element);
        return value => FloorDivide(Ticks(value), ticks);
    }

    /// <summary>12 bytes: nanoseconds of the day, Julian day.</summary>
    public static DateTime ReadInt96(ReadOnlySpan<byte> bytes, string column)
    {
        long nanos = BinaryPrimitives.ReadInt64LittleEndian(bytes);
        long days = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]) - (long)JulianEpoch;
        try
        {
            return DateTime.SpecifyKind(DateTime.UnixEpoch.AddTicks(checked(days * TimeSpan.TicksPerDay + nanos / NanosecondsPerTick)), DateTimeKind.Unspecified);
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or OverflowException)
        {
            throw new ParquetException($"column '{column}' holds a value outside the range of DateTime", e);
        }
    }

    public static void WriteInt96(DateTime value, Span<byte> into)
    {
        DateTime utc = value.Kind == DateTimeKind.Unspecified ? DateTime.SpecifyKind(value, DateTimeKind.Utc) : value.ToUniversalTime();
        BinaryPrimitives.WriteInt64LittleEndian(into, utc.TimeOfDay.Ticks * NanosecondsPerTick);
        BinaryPrimitives.WriteInt32LittleEndian(into[8..], Days(utc.Date) + JulianEpoch);
    }

    private static long TicksPerUnit(SchemaElement element)
    {
        bool micros = element.LogicalType?.TIMESTAMP is { } logical
            ? logical.Unit.MICROS is not null
            : element.ConvertedType == ConvertedType.TIMESTAMP_MICROS;
        return micros ? TimeSpan.TicksPerMicrosecond : TimeSpan.TicksPerMillisecond;
    }

    private static long Ticks(DateTime value) => value.Ticks - DateTime.UnixEpoch.Ticks;

    private static DateTime From(long ticks, DateTimeKind kind) => DateTime.SpecifyKind(DateTime.UnixEpoch.AddTicks(ticks), kind);

    private static long FloorDivide(long value, long by) => (value >= 0 ? value : value - (by - 1)) / by;
}
