namespace Parquet.Schema;

/// <summary>Fields that belong together.</summary>
public class StructField : Field
{
    private readonly List<Field> _fields;

    public StructField(string name, params Field[] elements) : base(name, SchemaType.Struct)
    {
        if (elements is not { Length: > 0 }) throw new ArgumentException($"structure '{name}' requires at least one element");
        _fields = [.. elements];
        IsNullable = true;
        PutUnder(null);
    }

    public IReadOnlyList<Field> Fields => _fields;

    internal override IReadOnlyList<Field> Children => _fields;
}
