namespace Parquet.Schema;

/// <summary>A column whose type is known when it is written down.</summary>
public class DataField<T>(string name, bool? nullable = null) : DataField(name, typeof(T), nullable);
