using Parquet;
using Parquet.Schema;

namespace FineTuneGrid.SampleMaker;

/// <summary>Writes prompt-completion rows as Parquet: two string columns, zstd, several row groups.</summary>
public static class ParquetOut
{
    private const int RowsPerGroup = 512;

    public static async Task WriteAsync(string path, IReadOnlyList<Row> rows)
    {
        var prompt = new DataField<string>("prompt");
        var completion = new DataField<string>("completion");
        await using var file = File.Create(path);
        await using var writer = await ParquetWriter.CreateAsync(
            new ParquetSchema(prompt, completion), file, new ParquetOptions { CompressionMethod = CompressionMethod.Zstd });
        foreach (var group in rows.Chunk(RowsPerGroup))
        {
            using var rowGroup = writer.CreateRowGroup();
            await rowGroup.WriteAsync(prompt, group.Select(r => (string?)r.Prompt).ToArray());
            await rowGroup.WriteAsync(completion, group.Select(r => (string?)r.Completion).ToArray());
            rowGroup.CompleteValidate();
        }
    }
}
