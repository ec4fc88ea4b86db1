namespace Parquet;

/// <summary>What the writer should try for one column; <see cref="Default"/> is PLAIN.</summary>
public enum EncodingHint
{
    Default = 0,

    /// <summary>Dictionary encoding of strings, where they repeat enough (see <see cref="ParquetOptions.DictionaryEncodingThreshold"/>).</summary>
    Dictionary,

    /// <summary>Delta encoding of int and long columns.</summary>
    DeltaBinaryPacked,
}
