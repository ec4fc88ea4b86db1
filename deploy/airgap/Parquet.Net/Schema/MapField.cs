namespace Parquet.Schema;

/// <summary>A list of key and value pairs.</summary>
public sealed class MapField : Field
{
    internal const string DefaultContainerName = "key_value";

    public MapField(string name, Field keyField, Field valueField) : this(name, keyField, valueField, DefaultContainerName)
    {
        if (keyField is DataField { IsNullable: true }) throw new ArgumentException("map's key cannot be nullable", nameof(keyField));
        IsNullable = true;
        PutUnder(null);
    }

    internal MapField(string name, Field key, Field value, string containerName) : base(name, SchemaType.Map)
    {
        Key = key;
        Value = value;
        ContainerName = containerName;
    }

    public Field Key { get; }

    public Field Value { get; }

    internal string ContainerName { get; }

    internal override IReadOnlyList<Field> Children => [Key, Value];

    internal override void PutUnder(FieldPath? parent)
    {
        Path = parent + new FieldPath(Name, ContainerName);
        Key.PutUnder(Path);
        Value.PutUnder(Path);
    }

    private protected override (int Repetition, int Definition) OwnLevels() => (1, IsNullable ? 2 : 1);
}
