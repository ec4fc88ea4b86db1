using System.Buffers.Binary;
using Parquet.File;
using Parquet.Meta;
using Parquet.Schema;
using Parquet.Thrift;

namespace Parquet;

/// <summary>Writes a Parquet file. Disposing writes the footer; without it the file is not readable.</summary>
public sealed class ParquetWriter : ParquetActor, IAsyncDisposable
{
    private readonly FileMetaData _meta;
    private readonly ParquetOptions _options;
    private readonly ParquetSchema _schema;
    private readonly List<ParquetRowGroupWriter> _groups = [];
    private bool _disposed;

    private ParquetWriter(ParquetSchema schema, Stream output, ParquetOptions options) : base(output)
    {
        _schema = schema;
        _options = options;
        _meta = new FileMetaData { Version = 1, Schema = SchemaEncoder.Encode(schema), CreatedBy = "FineTuneGrid version 0.1.0 (build 1)" };
    }

    /// <summary>Key-value pairs of the file.</summary>
    public IReadOnlyDictionary<string, string> CustomMetadata
    {
        get => (_meta.KeyValueMetadata ?? []).ToDictionary(pair => pair.Key, pair => pair.Value ?? string.Empty);
        set => _meta.KeyValueMetadata = value.Select(pair => new KeyValue { Key = pair.Key, Value = pair.Value }).ToList();
    }

    /// <param name="schema">The file's columns.</param>
    /// <param name="output">Writable; need not be seekable.</param>
    /// <param name="options">Compression and encodings.</param>
    /// <param name="append">Must be false: a file that is appended to in place is lost when the process dies meanwhile.</param>
    /// <param name="cancellationToken">Ends the writing of the file's first bytes.</param>
    public static async Task<ParquetWriter> CreateAsync(ParquetSchema schema, Stream output, ParquetOptions? options = null, bool append = false,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(output);
        if (!output.CanWrite) throw new ArgumentException("stream is not writeable", nameof(output));
        if (append) throw new NotSupportedException("appending to a file in place is not supported; write a new file");
        var writer = new ParquetWriter(schema, output.CanSeek ? output : new CountingStream(output), options ?? new ParquetOptions());
        await writer.Stream.WriteAsync(Magic.ToArray(), cancellationToken);
        return writer;
    }

    public ParquetRowGroupWriter CreateRowGroup()
    {
        var group = new ParquetRowGroupWriter(Stream, _schema, _meta, _options);
        _groups.Add(group);
        return group;
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed) return;
        _disposed = true;
        _meta.NumRows = _groups.Sum(group => group.RowCount ?? 0);
        var footer = new MemoryStream();
        MetaWriter.Write(new ThriftWriter(footer), _meta, _schema.DataFields.Length);
        int length = (int)footer.Length;
        byte[] tail = new byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(tail, length);
        Magic.CopyTo(tail.AsSpan(4));
        await Stream.WriteAsync(footer.GetBuffer().AsMemory(0, length));
        await Stream.WriteAsync(tail);
        await Stream.FlushAsync();
    }
}
