using System.Globalization;
using System.Text.Json;
using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace FineTuneGrid.ParquetTests;

/// <summary>
/// Files made by writers that share no code with ours (fixtures/make.mjs: arrow-rs, DuckDB, hyparquet, parquetjs;
/// fixtures/make-parquet-net.cs: Parquet.Net itself, and ours), all holding the rows of expected.json.
/// </summary>
public sealed class FixtureTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "fixtures");
    private static readonly JsonElement[] Expected = JsonSerializer.Deserialize<JsonElement[]>(File.ReadAllText(Path.Combine(Folder, "expected.json")))!;

    public static TheoryData<string> Files => new(Directory.GetFiles(Folder, "*.parquet").Select(file => Path.GetFileNameWithoutExtension(file)).Where(IsRead).Order());

    [Fact]
    public void Fixtures_OfEveryWriter_ArePresent()
    {
        string[] writers = ["arrow", "duckdb", "hyparquet", "net", "ours", "parquetjs"];
        Assert.Equal(writers, Directory.GetFiles(Folder, "*.parquet").Select(file => Path.GetFileName(file).Split('-', '.')[0]).Distinct().Order());
    }

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Fixture_OfAPeer_HoldsTheExpectedRows(string name)
    {
        await using ParquetReader reader = await ParquetReader.CreateAsync(Path.Combine(Folder, name + ".parquet"));
        Assert.Equal(Expected.Length, reader.RowGroups.Sum(group => group.RowCount));
        foreach (DataField field in reader.Schema.DataFields)
        {
            var rows = new List<string>();
            foreach (ParquetRowGroupReader group in reader.RowGroups)
            {
                using RawColumnData raw = await group.ReadRawColumnDataBaseAsync(field);
                List<object?> entries = Tables.Entries(field, raw, (int)group.GetMetadata(field)!.MetaData!.NumValues);
                rows.AddRange(field.MaxRepetitionLevel == 0 ? entries.Select(Show) : Lists(reader.Schema, field, raw, entries));
            }
            Assert.Equal(Expected.Select(row => Wanted(row, field, reader.Schema)), rows);
        }
    }

    /// <summary>The full package reads no lists from version 2 pages, no bare groups, no dates as deltas and no booleans as runs.</summary>
    private static bool IsRead(string name)
    {
#if GRID_AIRGAP
        return name.Length > 0;
#else
        string[] notRead = ["parquetjs", "hyparquet", "duckdb-gzip-v2", "duckdb-zstd-v2", "arrow-rs-encodings-v1"];
        return !notRead.Contains(name) && !(name.StartsWith("arrow-rs", StringComparison.Ordinal) && name.EndsWith("v2", StringComparison.Ordinal));
#endif
    }

    private static IEnumerable<string> Lists(ParquetSchema schema, DataField field, RawColumnData raw, List<object?> entries)
    {
        Field top = Top(schema, field);
        int elementLevel = top is ListField ? top.MaxDefinitionLevel : field.MaxDefinitionLevel;
        var rows = new List<string>();
        List<string>? items = null;
        bool isNull = false;
        void Close()
        {
            if (items is not null) rows.Add(isNull ? "null" : $"[{string.Join("|", items)}]");
        }
        for (int i = 0; i < entries.Count; i++)
        {
            if (raw.RepetitionLevels[i] == 0)
            {
                Close();
                items = [];
                isNull = top.IsNullable && top is ListField && raw.DefinitionLevels[i] < elementLevel - 1;
            }
            if (raw.DefinitionLevels[i] >= elementLevel) items!.Add(Show(entries[i]));
        }
        Close();
        return rows;
    }

    private static Field Top(ParquetSchema schema, DataField field) => schema.Fields.Single(top => top.Name == field.Path.FirstPart);

    private static string Wanted(JsonElement row, DataField field, ParquetSchema schema)
    {
        JsonElement value = row.GetProperty(field.Path.FirstPart!);
        if (field.MaxRepetitionLevel == 0) return Show(value, field);
        bool canBeNull = Top(schema, field) is ListField { IsNullable: true };
        if (value.ValueKind == JsonValueKind.Null) return canBeNull ? "null" : "[]";
        IEnumerable<JsonElement> items = value.EnumerateArray();
        if (field.Path.FirstPart == "messages") items = items.Select(message => message.GetProperty(field.Name));
        return $"[{string.Join("|", items.Select(item => Show(item, field)))}]";
    }

    private static string Show(JsonElement value, DataField field) => value.ValueKind switch
    {
        JsonValueKind.Null => "null",
        JsonValueKind.String when field.Name is "day" or "made" => Show(DateTime.Parse(value.GetString()!, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal)),
        JsonValueKind.String when field.Name == "raw" => Show(value.GetString()!.ToUpperInvariant()),
        JsonValueKind.String => Show(value.GetString()),
        JsonValueKind.Number => field.ClrType == typeof(float) ? Show(value.GetSingle()) : Show(value.GetDouble()),
        _ => Show(value.GetBoolean()),
    };

    private static string Show(object? value) => value switch
    {
        null => "null",
        string text => $"'{text}'",
        DateTime at => at.ToString("s", CultureInfo.InvariantCulture) + at.ToString(".fff", CultureInfo.InvariantCulture),
        bool flag => flag.ToString(),
        float number => number.ToString("R", CultureInfo.InvariantCulture),
        _ => Convert.ToDouble(value, CultureInfo.InvariantCulture).ToString("R", CultureInfo.InvariantCulture),
    };
}
