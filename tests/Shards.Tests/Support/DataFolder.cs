using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Storage;
using Parquet;
using Parquet.Schema;

namespace FineTuneGrid.Shards.Tests.Support;

/// <summary>A blob store of its own in a temporary folder, and ways to fill it.</summary>
internal sealed class DataFolder : IDisposable
{
    public DataFolder()
    {
        Directory.CreateDirectory(Root);
        Store = new LocalBlobStore(Root);
    }

    public string Root { get; } = Path.Combine(Path.GetTempPath(), "ftg-shards-" + Guid.NewGuid().ToString("N"));

    public LocalBlobStore Store { get; }

    public BlobAccess Access => new(LocalRoot: Root);

    public async Task<SourceFile> AddAsync(string path, byte[] bytes)
    {
        var digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        var key = $"datasets/d/source/{digest}";
        await Store.WriteBytesAsync(key, bytes);
        return new SourceFile(path, key, bytes.Length, digest);
    }

    public Task<SourceFile> AddAsync(string path, params string[] lines) => AddAsync(path, Encoding.UTF8.GetBytes(string.Join('\n', lines)));

    /// <summary>A file with one text column for each name, in row groups of the given size.</summary>
    public Task<SourceFile> AddParquetAsync(string path, string[] columns, string?[][] rows, int groupSize = 1000) => AddParquetAsync(path,
        new ParquetSchema(columns.Select(c => (Field)new DataField<string>(c))), rows, groupSize,
        async (group, schema, chunk) =>
        {
            for (var column = 0; column < columns.Length; column++)
                await group.WriteAsync((DataField)schema.Fields[column], chunk.Select(r => r[column]).ToArray());
        });

    /// <summary>Chat rows: messages, a list of structs of role and content.</summary>
    public Task<SourceFile> AddChatParquetAsync(string path, (string Role, string? Content)[][] rows, int groupSize = 1000)
    {
        var role = new DataField<string>("role");
        var content = new DataField<string>("content");
        return AddParquetAsync(path, new ParquetSchema(new ListField("messages", new StructField(ListField.ElementName, role, content))), rows, groupSize, async (group, _, chunk) =>
        {
            var turns = chunk.SelectMany(r => r.Length == 0 ? [(null, null, 0)] : r.Select((t, i) => ((string?)t.Role, t.Content, i))).ToArray();
            int[] repetitions = [.. turns.Select(t => t.Item3 == 0 ? 0 : 1)];
            await group.WriteAllPartsAsync<ReadOnlyMemory<char>>(role, turns.Where(t => t.Item1 is not null).Select(t => t.Item1.AsMemory()).ToArray(), turns.Select(t => t.Item1 is null ? 1 : 4).ToArray(), repetitions, default);
            await group.WriteAllPartsAsync<ReadOnlyMemory<char>>(content, turns.Where(t => t.Content is not null).Select(t => t.Content.AsMemory()).ToArray(),
                turns.Select(t => t.Item1 is null ? 1 : t.Content is null ? 3 : 4).ToArray(), repetitions, default);
        });
    }

    public Task<SourceFile> AddTokensParquetAsync(string path, int[][] rows, int groupSize = 1000)
    {
        var item = new DataField<int>(ListField.ElementName);
        return AddParquetAsync(path, new ParquetSchema(new ListField("input_ids", item)), rows, groupSize, async (group, _, chunk) =>
            await group.WriteAllPartsAsync<int>(item, chunk.SelectMany(r => r).ToArray(), chunk.SelectMany(r => r.Select(_ => 2)).ToArray(), chunk.SelectMany(r => r.Select((_, i) => i == 0 ? 0 : 1)).ToArray(), default));
    }

    public async Task<ModelManifest> AddModelAsync(int contextLength = 512, string? template = null, string eos = "<|im_end|>")
    {
        var tokenizer = await AddAsync("tokenizer.json", await File.ReadAllBytesAsync(Path.Combine(AppContext.BaseDirectory, "Fixtures", "tokenizer.json")));
        var config = await AddAsync("tokenizer_config.json", JsonSerializer.SerializeToUtf8Bytes(new { eos_token = eos, chat_template = template }));
        return new ModelManifest("m", "digest", "llama", 0, "F32", contextLength, 0, null, null, null, [], [tokenizer, config]);
    }

    public void Dispose()
    {
        Store.Dispose();
        if (Directory.Exists(Root))
            Directory.Delete(Root, recursive: true);
    }

    private async Task<SourceFile> AddParquetAsync<T>(string path, ParquetSchema schema, T[] rows, int groupSize, Func<ParquetRowGroupWriter, ParquetSchema, T[], Task> write)
    {
        using var stream = new MemoryStream();
        await using (var writer = await ParquetWriter.CreateAsync(schema, stream, new ParquetOptions { CompressionMethod = CompressionMethod.Zstd }))
        {
            foreach (var chunk in rows.Chunk(groupSize))
            {
                using var group = writer.CreateRowGroup();
                await write(group, schema, chunk);
                group.CompleteValidate();
            }
        }
        return await AddAsync(path, stream.ToArray());
    }
}
