using Parquet.Schema;

namespace FineTuneGrid.Shards;

/// <summary>A column's type in words: <c>int64</c>, <c>list&lt;struct&lt;role: string, content: string&gt;&gt;</c>.</summary>
internal static class ParquetTypeName
{
    private const int Longest = 500;

    private static readonly Dictionary<Type, string> Names = new()
    {
        [typeof(bool)] = "bool", [typeof(byte)] = "uint8", [typeof(sbyte)] = "int8", [typeof(short)] = "int16", [typeof(ushort)] = "uint16",
        [typeof(int)] = "int32", [typeof(uint)] = "uint32", [typeof(long)] = "int64", [typeof(ulong)] = "uint64", [typeof(float)] = "float",
        [typeof(double)] = "double", [typeof(string)] = "string", [typeof(ReadOnlyMemory<char>)] = "string", [typeof(byte[])] = "bytes",
        [typeof(ReadOnlyMemory<byte>)] = "bytes", [typeof(DateTime)] = "timestamp", [typeof(DateOnly)] = "date",
    };

    public static string Of(Field field)
    {
        var name = Name(field);
        return name.Length <= Longest ? name : name[..Longest] + "...";
    }

    private static string Name(Field field) => field switch
    {
        DataField { IsArray: true } leaf => $"list<{Leaf(leaf)}>",
        DataField leaf => Leaf(leaf),
        ListField list => $"list<{Name(list.Item)}>",
        StructField structure => $"struct<{string.Join(", ", structure.Fields.Select(f => $"{f.Name}: {Name(f)}"))}>",
        MapField map => $"map<{Name(map.Key)}, {Name(map.Value)}>",
        _ => field.SchemaType.ToString().ToLowerInvariant(),
    };

    private static string Leaf(DataField leaf) => Names.GetValueOrDefault(leaf.ClrType) ?? leaf.ClrType.Name.ToLowerInvariant();
}
