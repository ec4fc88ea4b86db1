using Parquet.File;
using Parquet.Meta;

namespace Parquet.Schema;

/// <summary>
/// Turns the footer's flat, depth-first list of schema elements into fields, by the rules for current and older lists of the
/// format's LogicalTypes document. Levels come from the tree as it is: optional and repeated ancestors.
/// </summary>
internal sealed class SchemaDecoder(IReadOnlyList<SchemaElement> elements, ParquetOptions options)
{
    private int _next;
    private int _columns;

    public ParquetSchema Decode()
    {
        if (elements.Count == 0) throw new ParquetException("the file has an empty schema");
        int top = Children(Take());
        if (top == 0) throw new ParquetException("the file has no columns");
        var fields = new List<Field>();
        for (int i = 0; i < top; i++) fields.Add(Field(0, 0, 1));
        if (_next != elements.Count) throw new ParquetException($"the schema has {elements.Count - _next} elements that belong to no group");
        foreach (Field field in fields) field.PutUnder(null);
        return new ParquetSchema(fields);
    }

    private SchemaElement Take() =>
        _next < elements.Count ? elements[_next++] : throw new ParquetException("the schema ends before its groups do");

    private int Children(SchemaElement element)
    {
        int count = element.NumChildren ?? 0;
        if (count < 0 || count > elements.Count - _next)
            throw new ParquetException($"the schema's group '{element.Name}' claims {count} children");
        return count;
    }

    private Field Field(int repetition, int definition, int depth) => Field(Take(), repetition, definition, depth, insideList: false);

    /// <param name="insideList">The element repeats because the list around it says so, which is counted there.</param>
    private Field Field(SchemaElement element, int repetition, int definition, int depth, bool insideList)
    {
        if (depth > Limits.SchemaDepth) throw new ParquetException($"the schema is nested deeper than {Limits.SchemaDepth}");
        bool repeated = element.RepetitionType == FieldRepetitionType.REPEATED;
        bool optional = element.RepetitionType == FieldRepetitionType.OPTIONAL;
        if (repeated || optional) definition++;
        if (repeated) repetition++;
        if (element.Type is not null) return Column(element, repetition, definition);
        if (repeated && !insideList) return BareList(element, repetition, definition, depth);
        return (Field?)AsMap(element, repetition, definition, depth)
            ?? (Field?)AsList(element, repetition, definition, depth)
            ?? Struct(element, repetition, definition, depth);
    }

    private Field Column(SchemaElement element, int repetition, int definition)
    {
        if (++_columns > Limits.Columns) throw new ParquetException($"the file has more than {Limits.Columns} columns");
        if (Children(element) != 0) throw new ParquetException($"the schema's column '{element.Name}' has children");
        DataField field = ColumnTypes.Field(element, options);
        field.IsArray = element.RepetitionType == FieldRepetitionType.REPEATED;
        field.IsNullable = element.RepetitionType == FieldRepetitionType.OPTIONAL;
        field.MarkAttached();
        return Done(field, element, repetition, definition);
    }

    private StructField Struct(SchemaElement element, int repetition, int definition, int depth)
    {
        int count = Children(element);
        if (count == 0) throw new ParquetException($"the schema's group '{element.Name}' is empty");
        var members = new Field[count];
        for (int i = 0; i < count; i++) members[i] = Field(repetition, definition, depth + 1);
        return Done(new StructField(element.Name, members), element, repetition, definition);
    }

    /// <summary>A repeated group that nothing annotates: a list of structs which is never null.</summary>
    private ListField BareList(SchemaElement element, int repetition, int definition, int depth)
    {
        StructField item = Struct(element, repetition, definition, depth);
        item.IsNullable = false;
        return Done(new ListField(element.Name, item, ListShape.Bare, string.Empty), element, repetition, definition);
    }

    private ListField? AsList(SchemaElement outer, int repetition, int definition, int depth)
    {
        bool annotated = outer.LogicalType?.LIST is not null || outer.ConvertedType == ConvertedType.LIST;
        if (!annotated || outer.NumChildren != 1) return null;
        SchemaElement middle = elements[_next];
        if (middle.RepetitionType != FieldRepetitionType.REPEATED) return null;
        _next++;
        if (middle.Type is not null || ElementItself(outer, middle))
        {
            Field item = middle.Type is not null
                ? Field(middle, repetition, definition, depth + 1, insideList: true)
                : Struct(middle, repetition + 1, definition + 1, depth + 1);
            item.IsNullable = false;
            return Done(new ListField(outer.Name, item, ListShape.TwoLevel, middle.Name), outer, repetition + 1, definition + 1);
        }
        Children(middle);
        Field element = Field(repetition + 1, definition + 1, depth + 2);
        return Done(new ListField(outer.Name, element, ListShape.ThreeLevel, middle.Name), outer, repetition + 1, definition + 1);
    }

    /// <summary>Whether the repeated group is the list's element (older writers) rather than a wrapper around it.</summary>
    private static bool ElementItself(SchemaElement outer, SchemaElement middle) =>
        middle.NumChildren != 1 || middle.Name == "array" || middle.Name == outer.Name + "_tuple";

    private MapField? AsMap(SchemaElement outer, int repetition, int definition, int depth)
    {
        bool annotated = outer.LogicalType?.MAP is not null
            || outer.ConvertedType is ConvertedType.MAP or ConvertedType.MAP_KEY_VALUE;
        if (!annotated || outer.NumChildren != 1) return null;
        SchemaElement pairs = elements[_next];
        if (pairs.RepetitionType != FieldRepetitionType.REPEATED || pairs.Type is not null || pairs.NumChildren != 2) return null;
        _next++;
        Children(pairs);
        Field key = Field(repetition + 1, definition + 1, depth + 2);
        Field value = Field(repetition + 1, definition + 1, depth + 2);
        return Done(new MapField(outer.Name, key, value, pairs.Name), outer, repetition + 1, definition + 1);
    }

    private static T Done<T>(T field, SchemaElement element, int repetition, int definition) where T : Field
    {
        field.SchemaElement = element;
        if (field is not DataField) field.IsNullable = element.RepetitionType == FieldRepetitionType.OPTIONAL;
        field.SetLevels(repetition, definition);
        return field;
    }
}
