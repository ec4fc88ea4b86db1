using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace FineTuneGrid.Shards;

/// <summary>
/// Puts the columns of a row group together to rows again (Melnik et al., "Dremel", 2010): every leaf has a cursor over its
/// values and levels; a field looks at the levels of its first leaf to know what is null, empty, or goes on.
/// </summary>
internal sealed class ParquetAssembler
{
    private readonly List<(Field Field, string Name)> _fields;
    private readonly Dictionary<Field, LeafCursor> _leaves = [];
    private readonly ArrayBufferWriter<byte> _buffer = new();

    private ParquetAssembler(List<Field> fields) => _fields = [.. fields.Select(f => (f, f.Name))];

    public static async Task<ParquetAssembler> OpenAsync(ParquetRowGroupReader group, List<Field> fields, CancellationToken cancellation)
    {
        var assembler = new ParquetAssembler(fields);
        foreach (var field in fields)
        {
            foreach (var leaf in Leaves(field))
                assembler._leaves[leaf] = new LeafCursor(leaf, await group.ReadRawColumnDataBaseAsync(leaf, cancellation), group.RowCount);
        }
        return assembler;
    }

    /// <summary>The next row as a JSON object of the wanted columns.</summary>
    public JsonElement Next()
    {
        _buffer.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(_buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true }))
        {
            json.WriteStartObject();
            foreach (var (field, name) in _fields)
            {
                json.WritePropertyName(name);
                Write(field, json);
            }
            json.WriteEndObject();
        }
        using var document = JsonDocument.Parse(_buffer.WrittenMemory);
        return document.RootElement.Clone();
    }

    /// <summary>Checks that every leaf was read to its end.</summary>
    public void End()
    {
        foreach (var leaf in _leaves.Values)
            leaf.CheckEnd();
    }

    private static IEnumerable<DataField> Leaves(Field field) => field switch
    {
        DataField leaf => [leaf],
        ListField list => Leaves(list.Item),
        StructField structure => structure.Fields.SelectMany(Leaves),
        MapField map => Leaves(map.Key).Concat(Leaves(map.Value)),
        _ => throw new InvalidDataException($"column '{field.Name}' is of a kind that is not supported"),
    };

    private LeafCursor FirstLeaf(Field field)
    {
        foreach (var leaf in Leaves(field))
            return _leaves[leaf];
        throw new InvalidDataException($"column '{field.Name}' has no values");
    }

    private void Write(Field field, Utf8JsonWriter json)
    {
        switch (field)
        {
            case DataField leaf:
                _leaves[leaf].Write(json);
                break;
            case StructField structure:
                WriteStruct(structure, json);
                break;
            case ListField list:
                WriteRepeated(list, list.Item.MaxRepetitionLevel, json, () => Write(list.Item, json));
                break;
            case MapField map:
                WriteRepeated(map, map.Key.MaxRepetitionLevel, json, () => WritePair(map, json));
                break;
        }
    }

    private void WriteStruct(StructField structure, Utf8JsonWriter json)
    {
        if (FirstLeaf(structure).Definition < structure.MaxDefinitionLevel)
        {
            Skip(structure);
            json.WriteNullValue();
            return;
        }
        json.WriteStartObject();
        foreach (var child in structure.Fields)
        {
            json.WritePropertyName(child.Name);
            Write(child, json);
        }
        json.WriteEndObject();
    }

    private void WritePair(MapField map, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WritePropertyName("key");
        Write(map.Key, json);
        json.WritePropertyName("value");
        Write(map.Value, json);
        json.WriteEndObject();
    }

    private void WriteRepeated(Field field, int repetition, Utf8JsonWriter json, Action item)
    {
        var lead = FirstLeaf(field);
        if (lead.Definition < field.MaxDefinitionLevel)
        {
            var isNull = field.IsNullable && lead.Definition < field.MaxDefinitionLevel - 1;
            Skip(field);
            if (isNull)
            {
                json.WriteNullValue();
                return;
            }
            json.WriteStartArray();
            json.WriteEndArray();
            return;
        }
        json.WriteStartArray();
        do
        {
            item();
        }
        while (lead.Repetition >= repetition);
        json.WriteEndArray();
    }

    private void Skip(Field field)
    {
        foreach (var leaf in Leaves(field))
            _leaves[leaf].Skip();
    }
}

/// <summary>A place in one column.</summary>
internal sealed class LeafCursor
{
    private readonly DataField _field;
    private readonly int[]? _definitions;
    private readonly int[]? _repetitions;
    private readonly Action<int, Utf8JsonWriter> _write;
    private readonly long _entries;
    private readonly int _room;
    private int _entry;
    private int _value;

    public LeafCursor(DataField field, RawColumnData raw, long rows)
    {
        _field = field;
        _definitions = field.MaxDefinitionLevel > 0 ? raw.DefinitionLevels.ToArray() : null;
        _repetitions = field.MaxRepetitionLevel > 0 ? raw.RepetitionLevels.ToArray() : null;
        _entries = _definitions?.Length ?? _repetitions?.Length ?? rows;
        (_write, _room) = Writer(raw);
    }

    public int Definition => _definitions is null ? 0 : _entry < _definitions.Length ? _definitions[_entry] : throw Short();

    /// <summary>Of the next entry; -1 at the end of the column.</summary>
    public int Repetition => _repetitions is null ? 0 : _entry < _repetitions.Length ? _repetitions[_entry] : -1;

    public void Write(Utf8JsonWriter json)
    {
        if (_entry >= _entries)
            throw Short();
        if (_definitions is not null && _definitions[_entry] < _field.MaxDefinitionLevel)
            json.WriteNullValue();
        else if (_value < _room)
            _write(_value++, json);
        else
            throw Short();
        _entry++;
    }

    public void Skip() => _entry++;

    public void CheckEnd()
    {
        if (_entry != _entries)
            throw new InvalidDataException($"column '{_field.Path}' has {_entries} entries, of which the rows use {_entry}");
    }

    private InvalidDataException Short() => new($"column '{_field.Path}' ends before the rows do");

    private static (Action<int, Utf8JsonWriter>, int) Writer(RawColumnData raw)
    {
        switch (raw)
        {
            case RawColumnData<ReadOnlyMemory<char>> text: { var v = text.Values.ToArray(); return ((i, json) => json.WriteStringValue(v[i].Span), v.Length); }
            case RawColumnData<int> number: { var v = number.Values.ToArray(); return ((i, json) => json.WriteNumberValue(v[i]), v.Length); }
            case RawColumnData<long> number: { var v = number.Values.ToArray(); return ((i, json) => json.WriteNumberValue(v[i]), v.Length); }
            case RawColumnData<uint> number: { var v = number.Values.ToArray(); return ((i, json) => json.WriteNumberValue(v[i]), v.Length); }
            case RawColumnData<ulong> number: { var v = number.Values.ToArray(); return ((i, json) => json.WriteNumberValue(v[i]), v.Length); }
            case RawColumnData<short> number: { var v = number.Values.ToArray(); return ((i, json) => json.WriteNumberValue(v[i]), v.Length); }
            case RawColumnData<ushort> number: { var v = number.Values.ToArray(); return ((i, json) => json.WriteNumberValue(v[i]), v.Length); }
            case RawColumnData<sbyte> number: { var v = number.Values.ToArray(); return ((i, json) => json.WriteNumberValue(v[i]), v.Length); }
            case RawColumnData<byte> number: { var v = number.Values.ToArray(); return ((i, json) => json.WriteNumberValue(v[i]), v.Length); }
            case RawColumnData<float> number: { var v = number.Values.ToArray(); return ((i, json) => Real(v[i], json), v.Length); }
            case RawColumnData<double> number: { var v = number.Values.ToArray(); return ((i, json) => Real(v[i], json), v.Length); }
            case RawColumnData<bool> flag: { var v = flag.Values.ToArray(); return ((i, json) => json.WriteBooleanValue(v[i]), v.Length); }
            case RawColumnData<decimal> number: { var v = number.Values.ToArray(); return ((i, json) => json.WriteNumberValue(v[i]), v.Length); }
            case RawColumnData<DateTime> time: { var v = time.Values.ToArray(); return ((i, json) => json.WriteStringValue(v[i].ToString("O", CultureInfo.InvariantCulture)), v.Length); }
            default: throw new InvalidDataException("a column is of a type that cannot be text, a number or a flag");
        }
    }

    private static void Real(double value, Utf8JsonWriter json)
    {
        if (double.IsFinite(value))
            json.WriteNumberValue(value);
        else
            json.WriteNullValue();
    }
}
