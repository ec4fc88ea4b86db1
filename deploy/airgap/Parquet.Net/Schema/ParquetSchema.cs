namespace Parquet.Schema;

/// <summary>The fields of a file, in order.</summary>
public class ParquetSchema : IEquatable<ParquetSchema>
{
    private readonly List<Field> _fields;
    private readonly DataField[] _dataFields;

    public ParquetSchema(IEnumerable<Field> fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        _fields = fields.ToList();
        if (_fields.Count == 0) throw new ArgumentException("at least one field is required", nameof(fields));
        foreach (Field field in _fields) field.PropagateLevels(0, 0);
        var columns = new List<DataField>();
        foreach (Field field in _fields) Collect(field, columns);
        _dataFields = [.. columns];
    }

    public ParquetSchema(params Field[] fields) : this((IEnumerable<Field>)fields) { }

    public IReadOnlyList<Field> Fields => _fields;

    /// <summary>The columns, in the order in which a row group holds them.</summary>
    public DataField[] DataFields => GetDataFields();

    public Field this[int i] => _fields[i];

    public DataField[] GetDataFields() => [.. _dataFields];

    public DataField FindDataField(FieldPath path) =>
        Array.Find(_dataFields, field => field.Path.Equals(path))
        ?? throw new ArgumentException($"data field '{path}' not found", nameof(path));

    public DataField FindDataField(string path) => FindDataField(new FieldPath(path));

    public bool Equals(ParquetSchema? other) => other is not null && _dataFields.SequenceEqual(other._dataFields);

    public override bool Equals(object? obj) => Equals(obj as ParquetSchema);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (DataField field in _dataFields) hash.Add(field);
        return hash.ToHashCode();
    }

    public override string ToString() => string.Join(Environment.NewLine, _fields);

    private static void Collect(Field field, List<DataField> into)
    {
        if (field is DataField column) into.Add(column);
        foreach (Field child in field.Children) Collect(child, into);
    }
}
