#if GRID_AIRGAP
using System.Buffers.Binary;
using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace FineTuneGrid.ParquetTests;

/// <summary>Reads everything in a file that may be hostile and checks what that took.</summary>
internal static class HostileFile
{
    private const long MaxBytes = 256L << 20;
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(1);

    /// <summary>A file of a given footer, with some bytes of data before it.</summary>
    public static byte[] Of(byte[] footer, byte[]? data = null)
    {
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, footer.Length);
        return [.. "PAR1"u8, .. data ?? [], .. footer, .. length, .. "PAR1"u8];
    }

    /// <summary>Null when the file could be read; otherwise why not. Anything but the one exception, or too much time or memory, fails the test.</summary>
    public static async Task<string?> ReadAsync(byte[] file, string what)
    {
        long allocated = GC.GetTotalAllocatedBytes();
        TimeSpan used = Environment.CpuUsage.TotalTime;
        string? refusal = null;
        try
        {
            await ReadAllAsync(file);
        }
        catch (ParquetException e)
        {
            refusal = e.Message;
        }
        catch (Exception e)
        {
            Assert.Fail($"{what}: {e}");
        }
        Assert.True(Environment.CpuUsage.TotalTime - used < MaxTime, $"{what} took {Environment.CpuUsage.TotalTime - used}");
        Assert.True(GC.GetTotalAllocatedBytes() - allocated < MaxBytes, $"{what} took {GC.GetTotalAllocatedBytes() - allocated} bytes");
        return refusal;
    }

    public static async Task RefusedAsync(byte[] file, string what, string? because = null)
    {
        string? refusal = await ReadAsync(file, what);
        Assert.True(refusal is not null, $"{what} was read");
        if (because is not null) Assert.Contains(because, refusal, StringComparison.Ordinal);
    }

    private static async Task ReadAllAsync(byte[] file)
    {
        await using ParquetReader reader = await ParquetReader.CreateAsync(new MemoryStream(file));
        ParquetException? first = null;
        foreach (ParquetRowGroupReader group in reader.RowGroups)
        {
            foreach (DataField field in reader.Schema.DataFields)
            {
                try
                {
                    group.GetStatistics(field);
                    using RawColumnData raw = await group.ReadRawColumnDataBaseAsync(field);
                }
                catch (ParquetException e)
                {
                    first ??= e;
                }
            }
        }
        if (first is not null) throw first;
    }
}

/// <summary>The process's time and memory are measured, so nothing else may run meanwhile.</summary>
[CollectionDefinition(nameof(HostileCollection), DisableParallelization = true)]
public sealed class HostileCollection;
#endif
