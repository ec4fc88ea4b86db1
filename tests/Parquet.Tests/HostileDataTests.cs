#if GRID_AIRGAP
using System.Buffers.Binary;
using Parquet;
using Parquet.Schema;

namespace FineTuneGrid.ParquetTests;

/// <summary>Damaged and lying pages: every outcome is either rows or the one exception, quickly and in little memory.</summary>
[Collection(nameof(HostileCollection))]
public sealed class HostileDataTests
{
    public static TheoryData<CompressionMethod> Codecs => RoundTripTests.Codecs;

    [Fact]
    public async Task File_CutAtAnyByte_IsRefused()
    {
        byte[] file = await SmallAsync();
        for (int length = 0; length < file.Length; length++) await HostileFile.RefusedAsync(file[..length], $"the first {length} bytes");
        for (int from = 1; from < file.Length; from++) await HostileFile.RefusedAsync(file[from..], $"all but the first {from} bytes");
    }

    [Fact]
    public async Task File_WithAByteMissing_IsRefusedOrRead()
    {
        byte[] file = await SmallAsync();
        int refused = 0;
        for (int at = 4; at < file.Length - 8; at++)
        {
            if (await HostileFile.ReadAsync([.. file[..at], .. file[(at + 1)..]], $"without byte {at}") is not null) refused++;
        }
        Assert.True(refused > file.Length / 2, $"only {refused} of {file.Length} were refused");
    }

    /// <summary>The peers' files have no page checksums, so the damage reaches every decoder.</summary>
    [Theory]
    [InlineData("arrow-rs-encodings-v1", 400)]
    [InlineData("arrow-rs-uncompressed-v2", 400)]
    [InlineData("arrow-rs-snappy-v1", 300)]
    [InlineData("arrow-rs-lz4_raw-v2", 300)]
    [InlineData("arrow-rs-zstd-v2", 300)]
    [InlineData("arrow-rs-brotli-v2", 300)]
    [InlineData("duckdb-gzip-v2", 300)]
    [InlineData("parquetjs", 400)]
    [InlineData("hyparquet", 400)]
    [InlineData("net-none", 400)]
    public async Task File_WithFlippedBits_IsRefusedOrRead(string name, int times)
    {
        byte[] file = await File.ReadAllBytesAsync(Path.Combine(AppContext.BaseDirectory, "fixtures", name + ".parquet"));
        int footer = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(file.Length - 8));
        var random = new Random(20_26);
        for (int i = 0; i < times; i++)
        {
            byte[] damaged = (byte[])file.Clone();
            // Half of them in the footer and half in the pages.
            int from = i % 2 == 0 ? 4 : file.Length - 8 - footer, to = i % 2 == 0 ? file.Length - 8 - footer : file.Length;
            for (int flips = 1 + random.Next(3); flips > 0; flips--) damaged[random.Next(from, to)] ^= (byte)(1 << random.Next(8));
            await HostileFile.ReadAsync(damaged, $"{name}, mutation {i}");
        }
    }

    [Fact]
    public async Task File_OfOurs_WithAFlippedBitInAPage_IsRefused()
    {
        byte[] file = await SmallAsync();
        await using ParquetReader reader = await ParquetReader.CreateAsync(new MemoryStream(file));
        long start = reader.RowGroups[0].RowGroup.Columns[0].MetaData!.DataPageOffset, size = reader.RowGroups[0].RowGroup.Columns[0].MetaData!.TotalCompressedSize;
        int checksums = 0;
        for (long at = start; at < start + size; at++)
        {
            byte[] damaged = (byte[])file.Clone();
            damaged[at] ^= 0x10;
            if (await HostileFile.ReadAsync(damaged, $"byte {at}") is { } why && why.Contains("checksum", StringComparison.Ordinal)) checksums++;
        }
        Assert.True(checksums > size / 2, $"{checksums} of {size} bytes are covered");
    }

    /// <summary>The header says less, or far more, than the page inflates to.</summary>
    [Theory]
    [MemberData(nameof(Codecs))]
    public async Task Page_InflatingToAnotherSizeThanDeclared_IsRefused(CompressionMethod codec)
    {
        var field = new DataField<string>("text", false);
        byte[] file = await Tables.WriteAsync(new ParquetSchema(field), new ParquetOptions { CompressionMethod = codec },
            g => g.WriteAsync<ReadOnlyMemory<char>>(field, new[] { new string('a', 4_000_000).AsMemory() }));
        Assert.Null(await HostileFile.ReadAsync(file, "as written"));
        foreach (int declared in new[] { 2_000_000, 3_999_999, 4_000_003, 4_000_005, 4_194_304, 130_000_000 })
            await HostileFile.RefusedAsync(Redeclare(file, 4_000_004, declared), $"{codec} declared as {declared}");
    }

    [Fact]
    public async Task Page_OfUnknownEncodingCodecOrType_NamesTheColumn()
    {
        var field = new DataField<int>("n");
        byte[] file = await Tables.WriteAsync(new ParquetSchema(field), new ParquetOptions { CompressionMethod = CompressionMethod.None },
            g => g.WriteAsync<int>(field, new[] { 1, 2, 3 }));
        await using ParquetReader reader = await ParquetReader.CreateAsync(new MemoryStream(file));
        reader.Metadata!.RowGroups[0].Columns[0].MetaData!.Codec = Parquet.Meta.CompressionCodec.LZO;
        ParquetException refusal = await Assert.ThrowsAsync<ParquetException>(
            async () => await reader.OpenRowGroupReader(0).ReadRawColumnDataBaseAsync(reader.Schema.DataFields[0]));
        Assert.Contains("column 'n' is compressed with LZO", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Columns_OfTheSameName_AreNotConfused()
    {
        DataField first = new DataField<int>("n"), second = new DataField<int>("n");
        byte[] file = await Tables.WriteAsync(new ParquetSchema(first, second), null, async g =>
        {
            await g.WriteAsync<int>(first, new[] { 1 });
            await g.WriteAsync<int>(second, new[] { 2 });
        });
        await HostileFile.RefusedAsync(file, "two columns n", "several columns named 'n'");
    }

    private static async Task<byte[]> SmallAsync()
    {
        DataField text = new DataField<string>("text"), number = new DataField<int?>("number");
        var options = new ParquetOptions { CompressionMethod = CompressionMethod.Snappy };
        options.ColumnEncodingHints["text"] = EncodingHint.Dictionary;
        return await Tables.WriteAsync(new ParquetSchema(text, number), options, async g =>
        {
            await g.WriteAsync(text, Enumerable.Range(0, 60).Select(i => i % 9 == 0 ? null : $"value {i % 5}").ToArray());
            await g.WriteAsync<int>(number, Enumerable.Range(0, 60).Select(i => i % 4 == 0 ? (int?)null : i * 1000).ToArray().AsMemory());
        });
    }

    /// <summary>Replaces the page header's uncompressed size by another of the same length on the wire.</summary>
    private static byte[] Redeclare(byte[] file, int actual, int declared)
    {
        byte[] old = new ThriftBytes().I32(2, actual).ToArray()[1..], changed = new ThriftBytes().I32(2, declared).ToArray()[1..];
        Assert.Equal(old.Length, changed.Length);
        byte[] copy = (byte[])file.Clone();
        int at = copy.AsSpan(0, 64).IndexOf(old);
        Assert.True(at > 0, "the page header was not found");
        changed.CopyTo(copy.AsSpan(at));
        return copy;
    }
}
#endif
