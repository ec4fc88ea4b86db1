using Parquet;
using Parquet.Schema;

namespace FineTuneGrid.ParquetTests;

/// <summary>What the writer writes the reader reads, for every type and codec.</summary>
public sealed class RoundTripTests
{
    public static TheoryData<CompressionMethod> Codecs => new()
    {
        CompressionMethod.None, CompressionMethod.Snappy, CompressionMethod.Gzip, CompressionMethod.Zstd,
        CompressionMethod.Brotli, CompressionMethod.Lz4Raw,
    };

    [Theory]
    [MemberData(nameof(Codecs))]
    public async Task Strings_AnyCodec_ComeBack(CompressionMethod codec)
    {
        var field = new DataField<string>("text");
        string?[] values = [.. Enumerable.Range(0, 5000).Select(i => i % 7 == 3 ? null : $"row {i} äöü 漢字 😀 {new string('x', i % 50)}")];
        byte[] file = await Tables.WriteAsync(new ParquetSchema(field), new ParquetOptions { CompressionMethod = codec }, g => g.WriteAsync(field, values));
        Assert.Equal(values, (await Tables.FlatAsync(file)).Cast<string?>());
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public async Task RandomBytes_AnyCodec_ComeBack(CompressionMethod codec)
    {
        var random = new Random(5);
        byte[]?[] values = [.. Enumerable.Range(0, 300).Select(i => RandomBytes(random, i))];
        var field = new DataField<byte[]>("bytes");
        byte[] file = await Tables.WriteAsync(new ParquetSchema(field), new ParquetOptions { CompressionMethod = codec }, g => g.WriteAsync(field, values));
        Assert.Equal(values.Select(v => Convert.ToHexString(v!)), (await Tables.FlatAsync(file)).Cast<string>());
    }

    [Fact]
    public async Task Integers_ExtremeValues_ComeBack()
    {
        await Required<sbyte>(sbyte.MinValue, -1, 0, 1, sbyte.MaxValue);
        await Required<byte>(0, 1, byte.MaxValue);
        await Required<short>(short.MinValue, -1, 0, short.MaxValue);
        await Required<ushort>(0, 1, ushort.MaxValue);
        await Required(int.MinValue, -1, 0, 1, int.MaxValue);
        await Required<uint>(0, 1, uint.MaxValue);
        await Required(long.MinValue, -1, 0, 1, long.MaxValue);
        await Required<ulong>(0, 1, ulong.MaxValue);
    }

    [Fact]
    public async Task FloatsAndBooleans_ExtremeValues_ComeBack()
    {
        await Required(float.NegativeInfinity, -0f, float.Epsilon, float.MaxValue, float.NaN);
        await Required(double.NegativeInfinity, -0d, double.Epsilon, double.MaxValue, double.NaN);
        await Required([.. Enumerable.Range(0, 1003).Select(i => i % 3 == 0)]);
        await Required(Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), Guid.Empty);
    }

    [Fact]
    public async Task Integers_WithNulls_ComeBack()
    {
        int?[] values = [.. Enumerable.Range(0, 1000).Select(i => i % 5 == 0 ? (int?)null : i)];
        var field = new DataField<int?>("n");
        byte[] file = await Tables.WriteAsync(new ParquetSchema(field), null, g => g.WriteAsync<int>(field, values.AsMemory()));
        Assert.Equal(values.Cast<object?>(), await Tables.FlatAsync(file));
    }

    [Fact]
    public async Task Column_AllNull_ComesBack()
    {
        var field = new DataField<string>("text");
        byte[] file = await Tables.WriteAsync(new ParquetSchema(field), null, g => g.WriteAsync(field, new string?[100]));
        Assert.Equal(new object?[100], await Tables.FlatAsync(file));
    }

    [Fact]
    public async Task RowGroup_WithoutRows_ComesBack()
    {
        var field = new DataField<int>("n");
        byte[] file = await Tables.WriteAsync(new ParquetSchema(field), null, g => g.WriteAsync<int>(field, ReadOnlyMemory<int>.Empty));
        await using ParquetReader reader = await ParquetReader.CreateAsync(new MemoryStream(file));
        Assert.Equal(0, reader.OpenRowGroupReader(0).RowCount);
    }

    [Fact]
    public async Task RowGroups_Several_KeepTheirRows()
    {
        var field = new DataField<long>("n");
        byte[] file = await Tables.WriteAsync(new ParquetSchema(field), null,
            [.. Enumerable.Range(0, 5).Select(k => (Func<ParquetRowGroupWriter, Task>)(g => g.WriteAsync<long>(field, Numbers(k))))]);
        await using ParquetReader reader = await ParquetReader.CreateAsync(new MemoryStream(file));
        Assert.Equal(5, reader.RowGroupCount);
        Assert.Equal(0 + 10 + 20 + 30 + 40, reader.Metadata!.NumRows);
        for (int k = 1; k < 5; k++) Assert.Equal(Numbers(k).ToArray().Cast<object?>(), await Tables.FlatAsync(file, group: k));
    }

    [Theory]
    [InlineData(DateTimeFormat.Impala)]
    [InlineData(DateTimeFormat.DateAndTime)]
    [InlineData(DateTimeFormat.DateAndTimeMicros)]
    [InlineData(DateTimeFormat.Timestamp)]
    public async Task Timestamps_AnyFormat_ComeBack(DateTimeFormat format)
    {
        DateTime[] values = [new(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc), new(2026, 11, 3, 10, 20, 30, 123, DateTimeKind.Utc), new(1815, 12, 10, 1, 2, 3, DateTimeKind.Utc)];
        var field = new DateTimeDataField("at", format);
        byte[] file = await Tables.WriteAsync(new ParquetSchema(field), null, g => g.WriteAsync<DateTime>(field, values));
        Assert.Equal(values.Select(v => v.Ticks), (await Tables.FlatAsync(file)).Select(v => ((DateTime)v!).Ticks));
    }

    [Fact]
    public async Task Dates_ComeBackAsDateOnlyOnRequest()
    {
        DateOnly[] values = [new(1970, 1, 1), new(2026, 11, 3), new(1969, 12, 31)];
        var field = new DataField<DateOnly>("day");
        byte[] file = await Tables.WriteAsync(new ParquetSchema(field), null, g => g.WriteAsync<DateOnly>(field, values));
        Assert.Equal(values.Cast<object?>(), await Tables.FlatAsync(file, options: new ParquetOptions { UseDateOnlyTypeForDates = true }));
        Assert.Equal(values.Select(v => v.ToDateTime(default)), (await Tables.FlatAsync(file)).Cast<DateTime>());
    }

    [Theory]
    [InlineData(9, 2)]
    [InlineData(18, 4)]
    [InlineData(28, 6)]
    public async Task Decimals_AnyPrecision_ComeBack(int precision, int scale)
    {
        decimal[] values = [0m, 1.25m, -1.25m, 9999999.99m, -9999999.99m];
        var field = new DecimalDataField("price", precision, scale);
        byte[] file = await Tables.WriteAsync(new ParquetSchema(field), null, g => g.WriteAsync<decimal>(field, values));
        Assert.Equal(values.Cast<object?>(), await Tables.FlatAsync(file));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(300)]
    public async Task Strings_AsDictionary_ComeBackInLessSpace(int distinct)
    {
        var field = new DataField<string>("role");
        string?[] values = [.. Enumerable.Range(0, 20_000).Select(i => i % 11 == 0 ? null : $"a role with a longish name {i % distinct}")];
        var options = new ParquetOptions { CompressionMethod = CompressionMethod.None };
        byte[] plain = await Tables.WriteAsync(new ParquetSchema(field), options, g => g.WriteAsync(field, values));
        options.ColumnEncodingHints["role"] = EncodingHint.Dictionary;
        byte[] file = await Tables.WriteAsync(new ParquetSchema(field), options, g => g.WriteAsync(field, values));
        Assert.Equal(values, (await Tables.FlatAsync(file)).Cast<string?>());
        Assert.True(file.Length * 4 < plain.Length, $"{file.Length} of {plain.Length} bytes");
    }

    [Fact]
    public async Task Integers_AsDeltas_ComeBack()
    {
        var random = new Random(3);
        int[] small = [.. Enumerable.Range(0, 5001).Select(_ => random.Next(-1000, 1000))];
        int[] wrapping = [int.MinValue, int.MaxValue, 0, int.MinValue, -1, .. small];
        long[] large = [long.MinValue, long.MaxValue, 0, .. small.Select(v => v * 1_000_000_007L)];
        await Deltas(small);
        await Deltas(wrapping);
        await Deltas(large);
    }

    [Fact]
    public async Task Metadata_OfFileAndColumn_ComesBack()
    {
        var field = new DataField<int>("n");
        var stream = new MemoryStream();
        await using (ParquetWriter writer = await ParquetWriter.CreateAsync(new ParquetSchema(field), stream))
        {
            writer.CustomMetadata = new Dictionary<string, string> { ["producer"] = "test", ["empty"] = "" };
            using ParquetRowGroupWriter group = writer.CreateRowGroup();
            await group.WriteAsync<int>(field, new[] { 1, 2 }, customMetadata: new Dictionary<string, string> { ["unit"] = "tokens" });
        }
        await using ParquetReader reader = await ParquetReader.CreateAsync(stream);
        Assert.Equal("test", reader.CustomMetadata["producer"]);
        Assert.Equal("", reader.CustomMetadata["empty"]);
        Assert.Equal("tokens", reader.OpenRowGroupReader(0).GetCustomMetadata(reader.Schema.DataFields[0])["unit"]);
    }

    [Fact]
    public async Task Statistics_OfSimpleColumns_AreWritten()
    {
        DataField n = new DataField<int?>("n"), s = new DataField<string>("s"), d = new DataField<double>("d");
        byte[] file = await Tables.WriteAsync(new ParquetSchema(n, s, d), null, async g =>
        {
            await g.WriteAsync<int>(n, new int?[] { 5, null, -3 }.AsMemory());
            await g.WriteAsync(s, new[] { "b", "a", "ä" });
            await g.WriteAsync<double>(d, new[] { 1.5, 2.5, -0.5 });
        });
        await using ParquetReader reader = await ParquetReader.CreateAsync(new MemoryStream(file));
        ParquetRowGroupReader group = reader.OpenRowGroupReader(0);
        DataField[] fields = reader.Schema.DataFields;
        Assert.Equal((1L, (object)-3, (object)5), (group.GetStatistics(fields[0])!.NullCount!.Value, group.GetStatistics(fields[0])!.MinValue!, group.GetStatistics(fields[0])!.MaxValue!));
        Assert.Equal(("a", "ä"), (group.GetStatistics(fields[1])!.MinValue, group.GetStatistics(fields[1])!.MaxValue));
        Assert.Equal((-0.5, 2.5), (group.GetStatistics(fields[2])!.MinValue, group.GetStatistics(fields[2])!.MaxValue));
    }

    [Fact]
    public async Task ReadAsync_IntoMemory_FillsNullsInPlace()
    {
        DataField n = new DataField<int?>("n"), s = new DataField<string>("s"), b = new DataField<byte[]>("b");
        byte[] file = await Tables.WriteAsync(new ParquetSchema(n, s, b), null, async g =>
        {
            await g.WriteAsync<int>(n, new int?[] { 5, null, -3 }.AsMemory());
            await g.WriteAsync(s, new[] { null, "x", "" });
            await g.WriteAsync(b, new byte[]?[] { [1, 2], null, [] });
        });
        await using ParquetReader reader = await ParquetReader.CreateAsync(new MemoryStream(file));
        ParquetRowGroupReader group = reader.OpenRowGroupReader(0);
        int?[] numbers = new int?[3];
        await group.ReadAsync<int>(reader.Schema.DataFields[0], numbers.AsMemory());
        string?[] strings = new string?[3];
        await group.ReadAsync(reader.Schema.DataFields[1], strings.AsMemory());
        byte[]?[] bytes = new byte[]?[3];
        await group.ReadAsync(reader.Schema.DataFields[2], bytes.AsMemory());
        Assert.Equal([5, null, -3], numbers);
        Assert.Equal(new string?[] { null, "x", "" }, strings.AsEnumerable());
        Assert.Equal([[1, 2], null, []], bytes);
    }

    [Fact]
    public async Task File_OnDisk_IsReadAndReleased()
    {
        var field = new DataField<int>("n");
        byte[] file = await Tables.WriteAsync(new ParquetSchema(field), null, g => g.WriteAsync<int>(field, new[] { 1, 2, 3 }));
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        await File.WriteAllBytesAsync(path, file);
        try
        {
            await using (ParquetReader reader = await ParquetReader.CreateAsync(path)) Assert.Equal(3, reader.OpenRowGroupReader(0).RowCount);
            using FileStream exclusive = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            Assert.Equal(file.Length, exclusive.Length);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task Columns_InWrongOrderOrOfOtherLength_AreRefused()
    {
        DataField a = new DataField<int>("a"), b = new DataField<int>("b");
        await Assert.ThrowsAsync<ArgumentException>(() => Tables.WriteAsync(new ParquetSchema(a, b), null, g => g.WriteAsync<int>(b, new[] { 1 })));
        await Assert.ThrowsAsync<InvalidOperationException>(() => Tables.WriteAsync(new ParquetSchema(a, b), null, async g =>
        {
            await g.WriteAsync<int>(a, new[] { 1, 2 });
            await g.WriteAsync<int>(b, new[] { 1 });
        }));
        await Assert.ThrowsAsync<InvalidOperationException>(() => Tables.WriteAsync(new ParquetSchema(a, b), null, g => g.WriteAsync<int>(a, new[] { 1 })));
    }

    private static async Task Required<T>(params T[] values) where T : struct
    {
        var field = new DataField<T>("value");
        byte[] file = await Tables.WriteAsync(new ParquetSchema(field), null, g => g.WriteAsync<T>(field, values));
        Assert.Equal(values.Cast<object?>(), await Tables.FlatAsync(file));
    }

    private static async Task Deltas<T>(T[] values) where T : struct
    {
        var field = new DataField<T>("value");
        var options = new ParquetOptions { CompressionMethod = CompressionMethod.None };
        options.ColumnEncodingHints["value"] = EncodingHint.DeltaBinaryPacked;
        byte[] file = await Tables.WriteAsync(new ParquetSchema(field), options, g => g.WriteAsync<T>(field, values));
        Assert.Equal(values.Cast<object?>(), await Tables.FlatAsync(file));
    }

    private static ReadOnlyMemory<long> Numbers(int k) => Enumerable.Range(0, k * 10).Select(i => (long)i * k).ToArray();

    private static byte[] RandomBytes(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}
