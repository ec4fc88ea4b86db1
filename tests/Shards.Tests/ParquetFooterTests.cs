using FineTuneGrid.Shards.Tests.Support;

namespace FineTuneGrid.Shards.Tests;

/// <summary>Footers that say more than they hold are refused before the library reads them, whichever library it is.</summary>
public sealed class ParquetFooterTests : IDisposable
{
    private readonly DataFolder _data = new();

    public void Dispose() => _data.Dispose();

    [Theory]
    [InlineData(new byte[] { 0x15, 0x80 }, "bytes where 0 are left")]
    [InlineData(new byte[] { 0x18, 0xFF, 0xFF, 0xFF, 0xFF, 0x07 }, "2147483647 bytes")]
    [InlineData(new byte[] { 0x19, 0xF9, 0xFF, 0xFF, 0xFF, 0xFF, 0x07 }, "2147483647 values")]
    [InlineData(new byte[] { 0x1B, 0x83, 0x01, 0x8C }, "131 values")]
    [InlineData(new byte[] { 0x15, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01 }, "64 bits")]
    [InlineData(new byte[] { 0x1E, 0x00 }, "unknown kind 14")]
    public void Walk_MoreThanItHolds_IsRefused(byte[] footer, string why) =>
        Assert.Contains(why, Assert.Throws<InvalidDataException>(() => ParquetFooterCheck.Walk(footer)).Message, StringComparison.Ordinal);

    [Fact]
    public void Walk_DeepNesting_IsRefused() =>
        Assert.Contains("deeper", Assert.Throws<InvalidDataException>(() => ParquetFooterCheck.Walk([.. Enumerable.Repeat((byte)0x1C, 60_000)])).Message, StringComparison.Ordinal);

    [Fact]
    public void Walk_EveryKind_IsRead() =>
        ParquetFooterCheck.Walk([0x11, 0x12, 0x13, 7, 0x04, 0x10, 2, 0x15, 4, 0x16, 6, 0x17, 0, 0, 0, 0, 0, 0, 0, 0, 0x18, 1, 65, 0x19, 0x21, 1, 2, 0x1A, 0x05, 0x1B, 1, 0x83, 1, 65, 9, 0x1C, 0x11, 0, 0]);

    [Fact]
    public async Task File_OfAWriter_IsRead()
    {
        var file = await _data.AddParquetAsync("a.parquet", ["prompt", "completion"], [["a", "b"]]);
        using var local = await _data.Store.OpenLocalAsync(file.Key);
        await using var stream = File.OpenRead(local!.Path);
        await ParquetFooterCheck.RunAsync(stream, CancellationToken.None);
        Assert.Equal(0, stream.Position);
    }

    [Fact]
    public async Task Footer_LongerThanTheFile_IsRefused()
    {
        var problem = await Assert.ThrowsAsync<InvalidDataException>(() =>
            ParquetFooterCheck.RunAsync(new MemoryStream([.. "PAR1"u8, .. BitConverter.GetBytes(1), .. "PAR1"u8]), CancellationToken.None));
        Assert.Contains("more than the file has", problem.Message, StringComparison.Ordinal);
    }
}
