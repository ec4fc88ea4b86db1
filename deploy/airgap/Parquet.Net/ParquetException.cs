namespace Parquet;

/// <summary>
/// Every refusal of a file: not Parquet, damaged, over a limit, or using a feature that is not supported here.
/// It is an <see cref="IOException"/> because callers of the full library catch that for files that are not Parquet.
/// </summary>
public class ParquetException : IOException
{
    public ParquetException() { }

    public ParquetException(string message) : base(message) { }

    public ParquetException(string message, Exception inner) : base(message, inner) { }
}
