#if GRID_AIRGAP
namespace FineTuneGrid.ParquetTests;

/// <summary>Footers that hang, exhaust or overflow readers which believe them.</summary>
[Collection(nameof(HostileCollection))]
public sealed class HostileFooterTests
{
    private const int Binary = 8, Struct = 12, NestedList = 0x19, NestedStruct = 0x1C, NestedSet = 0x1A;

    [Fact]
    public Task Footer_EndingWithinANumber_IsRefused() => HostileFile.RefusedAsync(HostileFile.Of([0x15, 0x80]), "15 80", "ends");

    [Fact]
    public async Task Footer_OfSixBytesWithALongString_IsRefused()
    {
        byte[] footer = new ThriftBytes().Begin().Field(6, Binary).Varint(1_500_000_000).ToArray();
        Assert.Equal(6, footer.Length);
        await HostileFile.RefusedAsync(HostileFile.Of(footer), "string of 1.5 G", "string of 1500000000 bytes");
    }

    [Fact]
    public async Task Footer_OfNineBytesWithALongList_IsRefused()
    {
        byte[] footer = new ThriftBytes().Begin().I32(1, 1).List(2, Struct, 2_000_000_000).ToArray();
        Assert.Equal(9, footer.Length);
        await HostileFile.RefusedAsync(HostileFile.Of(footer), "list of 2 G", "2000000000 elements");
    }

    [Theory]
    [InlineData(NestedList, 1_000)]
    [InlineData(NestedList, 20_000)]
    [InlineData(NestedList, 50_000)]
    [InlineData(NestedList, 10_000_000)]
    [InlineData(NestedStruct, 10_000_000)]
    [InlineData(NestedSet, 10_000_000)]
    public async Task Footer_OfNestedContainers_IsRefused(byte nesting, int bytes)
    {
        byte[] footer = [.. new ThriftBytes().Begin().Field(9, nesting & 0x0F).ToArray(), .. Enumerable.Repeat(nesting, bytes)];
        await HostileFile.RefusedAsync(HostileFile.Of(footer), $"{bytes} bytes of {nesting:X2}", "nested deeper than 32");
    }

    [Fact]
    public async Task Footer_OfNestedMaps_IsRefused()
    {
        byte[] level = [1, 0xBB]; // one pair; keys and values are maps
        byte[] footer = [.. new ThriftBytes().Begin().Field(9, 11).ToArray(), .. Enumerable.Repeat(level, 50_000).SelectMany(b => b)];
        await HostileFile.RefusedAsync(HostileFile.Of(footer), "maps in maps", "nested deeper than 32");
    }

    [Theory]
    [InlineData(3_000_000)]
    [InlineData(16_000_000)]
    public async Task Footer_OfEmptyElements_IsRefused(int count)
    {
        byte[] schema = [.. new ThriftBytes().Begin().List(2, Struct, count).ToArray(), .. new byte[count]];
        await HostileFile.RefusedAsync(HostileFile.Of(schema), "schema of empty elements", "at most");
        byte[] groups = [.. new ThriftBytes().Begin().List(4, Struct, count).ToArray(), .. new byte[count]];
        await HostileFile.RefusedAsync(HostileFile.Of(groups), "empty row groups", "at most");
        byte[] pairs = [.. new ThriftBytes().Begin().List(5, Struct, count).ToArray(), .. new byte[count]];
        await HostileFile.RefusedAsync(HostileFile.Of(pairs), "empty pairs", "at most");
    }

    [Fact]
    public async Task Footer_LargerThanTheFileOrTheLimit_IsRefused()
    {
        byte[] file = HostileFile.Of([0]);
        file[^8..^4].AsSpan().Fill(0xFF);
        BitConverter.TryWriteBytes(file.AsSpan(file.Length - 8), -1);
        await HostileFile.RefusedAsync(file, "footer of -1 bytes", "claims 4294967295 bytes");
        await HostileFile.RefusedAsync(HostileFile.Of(new byte[(16 << 20) + 1]), "footer of 16 MiB and a byte", "at most");
    }

    [Fact]
    public async Task Footer_NotOfParquet_IsRefused()
    {
        await HostileFile.RefusedAsync([], "empty", "not a Parquet file");
        await HostileFile.RefusedAsync("PAR1PAR1"u8.ToArray(), "magic alone", "not a Parquet file");
        await HostileFile.RefusedAsync([.. "PK\u0003\u0004"u8, .. new byte[100]], "a zip file", "not a Parquet file");
        await HostileFile.RefusedAsync([.. "PAR1"u8, .. new byte[20], .. "PARE"u8], "encrypted", "encrypted");
    }

    [Fact]
    public async Task Schema_DeeplyNested_IsRefused()
    {
        var footer = new ThriftBytes().Begin().List(2, Struct, 5001);
        for (int i = 0; i < 5000; i++) Group(footer, $"g{i}", children: 1);
        Column(footer, "leaf");
        await HostileFile.RefusedAsync(HostileFile.Of(footer.End().ToArray()), "5000 groups in each other", "nested deeper than 64");
    }

    [Fact]
    public async Task Schema_OfTooManyColumns_IsRefused()
    {
        var footer = new ThriftBytes().Begin().List(2, Struct, 1002);
        Group(footer, "root", 1001);
        for (int i = 0; i < 1001; i++) Column(footer, $"c{i}");
        await HostileFile.RefusedAsync(HostileFile.Of(footer.End().ToArray()), "1001 columns", "more than 1000 columns");
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(int.MaxValue)]
    public async Task Schema_WithWrongChildCounts_IsRefused(int children)
    {
        var footer = new ThriftBytes().Begin().List(2, Struct, 2);
        Group(footer, "root", children);
        Column(footer, "leaf");
        await HostileFile.RefusedAsync(HostileFile.Of(footer.End().ToArray()), $"{children} children");
    }

    [Theory]
    [InlineData(-1L, 1L, 0L, "claims -1 rows")]
    [InlineData(1L, 1L << 40, 0L, "row group of")]
    [InlineData(1L, 1L, 1L << 40, "claims")]
    [InlineData(1L, 1L, -1L, "claims")]
    public async Task RowGroup_WithImpossibleNumbers_IsRefused(long rows, long bytes, long values, string because)
    {
        byte[] footer = OneColumn(rows, bytes, values, offset: 4);
        await HostileFile.RefusedAsync(HostileFile.Of(footer, new byte[64]), $"rows {rows}, bytes {bytes}, values {values}", because);
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(-5L)]
    [InlineData(1L << 50)]
    [InlineData(68L)]
    public async Task Column_BeyondTheData_IsRefused(long offset) =>
        await HostileFile.RefusedAsync(HostileFile.Of(OneColumn(1, 1, 1, offset), new byte[64]), $"offset {offset}", "claims to begin");

    /// <summary>The claim alone takes no memory, and pages of zero bytes do not go on for ever.</summary>
    [Fact]
    public async Task Column_OfManyClaimedValuesAndEmptyPages_IsRefused()
    {
        byte[] page = new ThriftBytes().Begin().I32(1, 0).I32(2, 0).I32(3, 0)
            .Field(5, Struct).Begin().I32(1, 0).I32(2, 0).I32(3, 3).I32(4, 3).End().End().ToArray();
        byte[] data = [.. Enumerable.Repeat(page, 20_000).SelectMany(b => b)];
        await HostileFile.RefusedAsync(HostileFile.Of(OneColumn(100_000_000, 1, 100_000_000, 4), data), "empty pages", "ends before its values do");
    }

    [Fact]
    public async Task Page_OfManyClaimedValues_IsRefused()
    {
        byte[] page = new ThriftBytes().Begin().I32(1, 0).I32(2, 8).I32(3, 8)
            .Field(5, Struct).Begin().I32(1, 100_000_000).I32(2, 0).I32(3, 3).I32(4, 3).End().End().Raw(new byte[8]).ToArray();
        await HostileFile.RefusedAsync(HostileFile.Of(OneColumn(100_000_000, 1, 100_000_000, 4), page), "a page of 100 M values", "values in a page of 8 bytes");
    }

    private static void Group(ThriftBytes into, string name, int children) => into.Begin().I32(3, 0).Text(4, name).I32(5, children).End();

    private static void Column(ThriftBytes into, string name) => into.Begin().I32(1, 1).I32(3, 0).Text(4, name).End();

    /// <summary>A required INT32 column "leaf" in one row group.</summary>
    private static byte[] OneColumn(long rows, long bytes, long values, long offset)
    {
        var footer = new ThriftBytes().Begin().I32(1, 1).List(2, Struct, 2);
        Group(footer, "root", 1);
        Column(footer, "leaf");
        footer.I64(3, rows).List(4, Struct, 1).Begin().List(1, Struct, 1).Begin().I64(2, 4).Field(3, Struct).Begin()
            .I32(1, 1).List(2, 5, 1).Varint(0).List(3, Binary, 1).Element("leaf").I32(4, 0).I64(5, values).I64(6, 100).I64(7, 100).I64(9, offset)
            .End().End().I64(2, bytes).I64(3, rows).End();
        return footer.End().ToArray();
    }
}
#endif
