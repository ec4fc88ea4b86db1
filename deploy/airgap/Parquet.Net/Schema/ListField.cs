namespace Parquet.Schema;

/// <summary>How a list lies in the schema tree.</summary>
internal enum ListShape
{
    /// <summary>group (LIST) { repeated group list { element } }: what every current writer makes.</summary>
    ThreeLevel,

    /// <summary>group (LIST) { repeated element }: the element itself repeats (older writers).</summary>
    TwoLevel,

    /// <summary>repeated group without annotation: a list that cannot be null.</summary>
    Bare,
}

/// <summary>A list of items of one field.</summary>
public sealed class ListField : Field
{
    public const string ElementName = "element";
    public const string DefaultContainerName = "list";

    public ListField(string name, Field item, string containerName = DefaultContainerName) : base(name, SchemaType.List)
    {
        Item = item ?? throw new ArgumentNullException(nameof(item));
        ContainerName = containerName;
        IsNullable = true;
        PutUnder(null);
    }

    public ListField(string name, Type itemDataType, string? propertyName = null,
        string containerName = DefaultContainerName, string? elementName = null)
        : this(name, new DataField(elementName ?? name, itemDataType, null, null, propertyName ?? name), containerName)
    {
    }

    internal ListField(string name, Field item, ListShape shape, string containerName) : base(name, SchemaType.List)
    {
        Item = item;
        Shape = shape;
        ContainerName = containerName;
    }

    public Field Item { get; }

    internal ListShape Shape { get; }

    internal string ContainerName { get; }

    internal override IReadOnlyList<Field> Children => [Item];

    internal override void PutUnder(FieldPath? parent)
    {
        Path = parent + (Shape == ListShape.ThreeLevel ? new FieldPath(Name, ContainerName) : new FieldPath(Name));
        // A bare list is one element of the schema tree: list and item share its name.
        Item.PutUnder(Shape == ListShape.Bare ? parent : Path);
    }

    private protected override (int Repetition, int Definition) OwnLevels() => (1, IsNullable ? 2 : 1);
}
