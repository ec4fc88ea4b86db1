namespace Parquet.Schema;

/// <summary>A decimal column.</summary>
public class DecimalDataField : DataField
{
    public DecimalDataField(string name, int precision, int scale = 0, bool forceByteArrayEncoding = false,
        bool? isNullable = null, bool? isArray = null, string? propertyName = null, Type? clrType = null)
        : base(name, clrType ?? typeof(decimal), isNullable, isArray, propertyName)
    {
        if (precision < 1) throw new ArgumentException("precision is required and must be a non-zero positive integer", nameof(precision));
        if (scale < 0) throw new ArgumentException("scale must be zero or a positive integer", nameof(scale));
        if (scale > precision) throw new ArgumentException("scale must be less than or equal to the precision", nameof(scale));
        Precision = precision;
        Scale = scale;
        ForceByteArrayEncoding = forceByteArrayEncoding;
    }

    public int Precision { get; }

    public int Scale { get; }

    public bool ForceByteArrayEncoding { get; }
}
