using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace FineTuneGrid.ParquetTests;

/// <summary>Chat data: messages: list of struct of role and content.</summary>
public sealed class NestedTests
{
    private static readonly DataField Role = new DataField<string>("role");
    private static readonly DataField Content = new DataField<string>("content");
    private static readonly ParquetSchema Chat = new(new ListField("messages", new StructField(ListField.ElementName, Role, Content)));

    [Fact]
    public void Schema_OfChat_HasTheLevelsOfThreeLevelLists()
    {
        Assert.Equal(["messages", "list", "element", "role"], Role.Path.ToList());
        Assert.Equal((1, 4), (Role.MaxRepetitionLevel, Role.MaxDefinitionLevel));
    }

    [Fact]
    public async Task Chat_WithEmptyAndNullLists_KeepsItsLevels()
    {
        // Rows: two messages; no messages; null; one message without content.
        int[] repetitions = [0, 1, 0, 0, 0];
        byte[] file = await Tables.WriteAsync(Chat, null, async g =>
        {
            await g.WriteAllPartsAsync<ReadOnlyMemory<char>>(Role, Text("user", "assistant", "user"), Levels(4, 4, 1, 0, 4), repetitions, default);
            await g.WriteAllPartsAsync<ReadOnlyMemory<char>>(Content, Text("hi", "hello"), Levels(4, 4, 1, 0, 3), repetitions, default);
        });
        await using ParquetReader reader = await ParquetReader.CreateAsync(new MemoryStream(file));
        ParquetRowGroupReader group = reader.OpenRowGroupReader(0);
        Assert.Equal(4, group.RowCount);
        DataField content = reader.Schema.DataFields[1];
        Assert.Equal(Content.Path, content.Path);
        Assert.Equal((1, 4), (content.MaxRepetitionLevel, content.MaxDefinitionLevel));
        using var raw = (RawColumnData<ReadOnlyMemory<char>>)await group.ReadRawColumnDataBaseAsync(content);
        Assert.Equal([4, 4, 1, 0, 3], raw.DefinitionLevels.ToArray());
        Assert.Equal(repetitions, raw.RepetitionLevels.ToArray());
        Assert.Equal(["hi", "hello"], raw.Values.ToArray()[..2].Select(v => v.ToString()));
    }

    [Fact]
    public async Task Chat_OfManyPages_BeginsEveryPageWithARow()
    {
        const int Rows = 3000;
        var repetitions = new List<int>();
        var roles = new List<string>();
        var contents = new List<string>();
        for (int row = 0; row < Rows; row++)
        {
            for (int turn = 0; turn < 1 + row % 5; turn++)
            {
                repetitions.Add(turn == 0 ? 0 : 1);
                roles.Add(turn % 2 == 0 ? "user" : "assistant");
                contents.Add($"row {row} turn {turn} {new string('.', 400 + row % 100)}");
            }
        }
        int[] definitions = [.. Enumerable.Repeat(4, roles.Count)];
        var options = new ParquetOptions { CompressionMethod = CompressionMethod.Zstd, CompressionLevel = System.IO.Compression.CompressionLevel.Fastest };
        options.ColumnEncodingHints["messages/list/element/role"] = EncodingHint.Dictionary;
        byte[] file = await Tables.WriteAsync(Chat, options, async g =>
        {
            await g.WriteAllPartsAsync<ReadOnlyMemory<char>>(Role, Text([.. roles]), definitions, repetitions.ToArray(), default);
            await g.WriteAllPartsAsync<ReadOnlyMemory<char>>(Content, Text([.. contents]), definitions, repetitions.ToArray(), default);
        });
        Assert.Equal(roles, (await Tables.FlatAsync(file, 0)).Cast<string>());
        Assert.Equal(contents, (await Tables.FlatAsync(file, 1)).Cast<string>());
    }

    [Fact]
    public async Task TokenIds_AsListsOfInts_ComeBack()
    {
        var item = new DataField<int>(ListField.ElementName);
        var schema = new ParquetSchema(new ListField("input_ids", item));
        int[] values = [.. Enumerable.Range(0, 10_000)], repetitions = [.. values.Select(i => i % 100 == 0 ? 0 : 1)];
        byte[] file = await Tables.WriteAsync(schema, null,
            g => g.WriteAllPartsAsync<int>(item, values, Enumerable.Repeat(2, values.Length).ToArray(), repetitions, default));
        await using ParquetReader reader = await ParquetReader.CreateAsync(new MemoryStream(file));
        Assert.Equal(100, reader.OpenRowGroupReader(0).RowCount);
        Assert.Equal(values.Cast<object?>(), await Tables.FlatAsync(file));
    }

    [Fact]
    public async Task ListsInLists_KeepTheirLevels()
    {
        var item = new DataField<long>(ListField.ElementName);
        var schema = new ParquetSchema(new ListField("outer", new ListField(ListField.ElementName, item)));
        // Rows: [[1, 2], [3]]; [[]]; [].
        int[] repetitions = [0, 2, 1, 0, 0], definitions = [4, 4, 4, 3, 1];
        byte[] file = await Tables.WriteAsync(schema, null, g => g.WriteAllPartsAsync<long>(item, new long[] { 1, 2, 3 }, definitions, repetitions, default));
        await using ParquetReader reader = await ParquetReader.CreateAsync(new MemoryStream(file));
        DataField field = reader.Schema.DataFields[0];
        Assert.Equal((2, 4), (field.MaxRepetitionLevel, field.MaxDefinitionLevel));
        using var raw = (RawColumnData<long>)await reader.OpenRowGroupReader(0).ReadRawColumnDataBaseAsync(field);
        Assert.Equal(definitions, raw.DefinitionLevels.ToArray());
        Assert.Equal(repetitions, raw.RepetitionLevels.ToArray());
    }

    [Fact]
    public async Task Maps_KeepTheirSchema()
    {
        DataField key = new DataField<string>("key", false), value = new DataField<int>("value");
        byte[] file = await Tables.WriteAsync(new ParquetSchema(new MapField("counts", key, value)), null, async g =>
        {
            await g.WriteAllPartsAsync<ReadOnlyMemory<char>>(key, Text("a", "b"), Levels(2, 2), new[] { 0, 1 }, default);
            await g.WriteAllPartsAsync<int>(value, new[] { 1, 2 }, Levels(2, 2), new[] { 0, 1 }, default);
        });
        await using ParquetReader reader = await ParquetReader.CreateAsync(new MemoryStream(file));
        var map = Assert.IsType<MapField>(reader.Schema.Fields[0]);
        Assert.Equal(["counts", "key_value", "key"], map.Key.Path.ToList());
        Assert.Equal(["a", "b"], await Tables.FlatAsync(file, 0));
        Assert.Equal([1, 2], await Tables.FlatAsync(file, 1));
    }

    private static ReadOnlyMemory<ReadOnlyMemory<char>> Text(params string[] values) => values.Select(v => v.AsMemory()).ToArray();

    private static ReadOnlyMemory<int>? Levels(params int[] levels) => levels;
}
