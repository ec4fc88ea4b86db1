namespace Parquet;

/// <summary>What reader and writer share.</summary>
public class ParquetActor
{
    private protected static ReadOnlySpan<byte> Magic => "PAR1"u8;

    private protected ParquetActor(Stream stream) => Stream = stream ?? throw new ArgumentNullException(nameof(stream));

    /// <summary>The stream that is read or written.</summary>
    protected Stream Stream { get; }
}
