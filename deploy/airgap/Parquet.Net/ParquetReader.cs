using Parquet.File;
using Parquet.Meta;
using Parquet.Schema;

namespace Parquet;

/// <summary>Reads a Parquet file. Not for use by several threads at once.</summary>
public class ParquetReader : ParquetActor, IAsyncDisposable
{
    private readonly FileMetaData _meta;
    private readonly List<ParquetRowGroupReader> _groups = [];
    private readonly bool _leaveStreamOpen;

    private ParquetReader(Stream input, Footer footer, ParquetSchema schema, bool leaveStreamOpen) : base(input)
    {
        _meta = footer.Meta;
        _leaveStreamOpen = leaveStreamOpen;
        Schema = schema;
        var columns = new HashSet<FieldPath>(schema.DataFields.Select(field => field.Path));
        foreach (RowGroup group in _meta.RowGroups) _groups.Add(new ParquetRowGroupReader(group, columns, input, footer.Start));
    }

    public ParquetSchema Schema { get; }

    public FileMetaData? Metadata => _meta;

    public int RowGroupCount => _groups.Count;

    public IReadOnlyList<ParquetRowGroupReader> RowGroups => _groups;

    /// <summary>Key-value pairs of the file; where a key appears twice, its last value.</summary>
    public Dictionary<string, string> CustomMetadata
    {
        get
        {
            var pairs = new Dictionary<string, string>();
            foreach (KeyValue pair in _meta.KeyValueMetadata ?? []) pairs[pair.Key] = pair.Value ?? string.Empty;
            return pairs;
        }
    }

    /// <summary>Opens a file; disposing the reader closes it.</summary>
    /// <exception cref="ParquetException">The file is not Parquet, damaged, or over a limit.</exception>
    public static async Task<ParquetReader> CreateAsync(string filePath, ParquetOptions? parquetOptions = null, CancellationToken cancellationToken = default)
    {
        Stream stream = System.IO.File.OpenRead(filePath);
        try
        {
            return await CreateAsync(stream, parquetOptions, leaveStreamOpen: false, cancellationToken);
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    /// <param name="input">Readable and seekable.</param>
    /// <param name="parquetOptions">How to read some types.</param>
    /// <param name="leaveStreamOpen">Whether disposing the reader leaves the stream open.</param>
    /// <param name="cancellationToken">Ends the reading of the footer.</param>
    /// <exception cref="ParquetException">The file is not Parquet, damaged, or over a limit.</exception>
    public static async Task<ParquetReader> CreateAsync(Stream input, ParquetOptions? parquetOptions = null, bool leaveStreamOpen = true,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (!input.CanRead || !input.CanSeek) throw new ArgumentException("stream must be readable and seekable", nameof(input));
        Footer footer = await FooterReader.ReadAsync(input, cancellationToken);
        ParquetSchema schema = new SchemaDecoder(footer.Meta.Schema, parquetOptions ?? new ParquetOptions()).Decode();
        return new ParquetReader(input, footer, schema, leaveStreamOpen);
    }

    public static async Task<ParquetSchema> ReadSchemaAsync(string filePath)
    {
        await using ParquetReader reader = await CreateAsync(filePath);
        return reader.Schema;
    }

    public static async Task<ParquetSchema> ReadSchemaAsync(Stream parquetStream)
    {
        await using ParquetReader reader = await CreateAsync(parquetStream);
        return reader.Schema;
    }

    public ParquetRowGroupReader OpenRowGroupReader(int index) => _groups[index];

    public ValueTask DisposeAsync()
    {
        if (!_leaveStreamOpen) Stream.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
