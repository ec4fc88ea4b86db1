using System.IO.Compression;
using Parquet.Schema;

namespace Parquet;

/// <summary>Options of reader and writer. The limits on hostile input are not options: see <see cref="File.Limits"/>.</summary>
public class ParquetOptions
{
    /// <summary>Precision of a decimal column that declares none.</summary>
    public const int DefaultPrecision = 38;

    /// <summary>Scale of a decimal column that declares neither precision nor scale.</summary>
    public const int DefaultScale = 18;

    /// <summary>Keyed by the column's path joined with '/', for instance "messages/list/element/role".</summary>
    public readonly IDictionary<string, EncodingHint> ColumnEncodingHints = new Dictionary<string, EncodingHint>();

    public CompressionMethod CompressionMethod { get; set; } = CompressionMethod.Snappy;

    public CompressionLevel CompressionLevel { get; set; } = CompressionLevel.SmallestSize;

    /// <summary>Reads unannotated byte arrays as strings (files of very old writers).</summary>
    public bool TreatByteArrayAsString { get; set; }

    /// <summary>Reads dates as <see cref="DateOnly"/> instead of <see cref="DateTime"/>.</summary>
    public bool UseDateOnlyTypeForDates { get; set; }

    /// <summary>A dictionary is written when (distinct values / values) is at most this.</summary>
    public double DictionaryEncodingThreshold { get; set; } = 0.8;

    internal EncodingHint HintFor(DataField field) =>
        ColumnEncodingHints.TryGetValue(field.Path.ToString(), out EncodingHint hint) ? hint : EncodingHint.Default;
}
