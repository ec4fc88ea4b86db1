using Parquet.Meta;

namespace Parquet.Schema;

/// <summary>A node of the schema.</summary>
public abstract class Field
{
    private protected Field(string name, SchemaType schemaType)
    {
        Name = name ?? throw new ArgumentNullException(nameof(name));
        SchemaType = schemaType;
        Path = new FieldPath(name);
    }

    public SchemaType SchemaType { get; }

    public string Name { get; }

    public FieldPath Path { get; internal set; }

    public virtual bool IsNullable { get; internal set; }

    public int MaxRepetitionLevel { get; private set; }

    public int MaxDefinitionLevel { get; private set; }

    /// <summary>The file's own element; null in a schema made by hand.</summary>
    public SchemaElement? SchemaElement { get; internal set; }

    internal virtual IReadOnlyList<Field> Children => [];

    /// <summary>Levels of a field read from a file come from the file's schema, whatever its shape.</summary>
    private bool LevelsAreKnown => SchemaElement is not null;

    public override string ToString() => $"{Path} ({SchemaType}, RL: {MaxRepetitionLevel}, DL: {MaxDefinitionLevel})";

    public override bool Equals(object? obj) =>
        obj is Field other && SchemaType == other.SchemaType && Name == other.Name && Path.Equals(other.Path);

    public override int GetHashCode() => Path.GetHashCode();

    internal void SetLevels(int repetition, int definition)
    {
        MaxRepetitionLevel = repetition;
        MaxDefinitionLevel = definition;
    }

    /// <summary>Puts this field, and all below it, under a parent's path.</summary>
    internal virtual void PutUnder(FieldPath? parent)
    {
        Path = parent + new FieldPath(Name);
        foreach (Field child in Children) child.PutUnder(Path);
    }

    internal void PropagateLevels(int repetition, int definition)
    {
        if (LevelsAreKnown) return;
        (int ownRepetition, int ownDefinition) = OwnLevels();
        SetLevels(repetition + ownRepetition, definition + ownDefinition);
        Attached();
        foreach (Field child in Children) child.PropagateLevels(MaxRepetitionLevel, MaxDefinitionLevel);
    }

    private protected virtual void Attached() { }

    /// <summary>What this field adds to its parent's levels.</summary>
    private protected virtual (int Repetition, int Definition) OwnLevels() => (0, IsNullable ? 1 : 0);
}
