using System.Runtime.CompilerServices;
using FineTuneGrid.Contracts;
using Parquet;
using Parquet.Schema;

namespace FineTuneGrid.Shards;

/// <summary>A Parquet file: one slice a row group, only the wanted columns are read.</summary>
internal sealed class ParquetSource : SourceReader
{
    private static readonly ParquetOptions Options = new() { TreatByteArrayAsString = true };

    private readonly string _path;
    private readonly ParquetReader _reader;
    private readonly Stream _stream;

    private ParquetSource(string path, ParquetReader reader, Stream stream)
    {
        _path = path;
        _reader = reader;
        _stream = stream;
        Columns = [.. reader.Schema.Fields.Select(f => f.Name)];
    }

    public override IReadOnlyList<string> Columns { get; }

    public override string? TypeOf(string column) =>
        _reader.Schema.Fields.FirstOrDefault(f => f.Name == column) is { } field ? ParquetTypeName.Of(field) : null;

    public static async Task<ParquetSource> StartAsync(string path, Stream stream, CancellationToken cancellation)
    {
        await CheckMagicAsync(path, stream, cancellation);
        try
        {
            await ParquetFooterCheck.RunAsync(stream, cancellation);
            var reader = await ParquetReader.CreateAsync(stream, Options, leaveStreamOpen: true, cancellation);
            var source = new ParquetSource(path, reader, stream);
            if (source.Columns.Distinct(StringComparer.Ordinal).Count() != source.Columns.Count)
                throw new GridException(ErrorCodes.InvalidParquet, $"The file '{path}' has two columns of one name.", path);
            return source;
        }
        catch (Exception problem) when (IsDamage(problem))
        {
            throw Damaged(path, "its footer", problem);
        }
    }

    public override async IAsyncEnumerable<SourceSlice> ReadAsync(IReadOnlySet<string> columns, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var fields = _reader.Schema.Fields.Where(f => columns.Contains(f.Name)).ToList();
        var first = 0L;
        for (var group = 0; group < _reader.RowGroupCount; group++)
        {
            var rows = await ReadGroupAsync(group, first, fields, cancellation);
            yield return new SourceSlice(group, first, rows);
            first += rows.Count;
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await _reader.DisposeAsync();
        await _stream.DisposeAsync();
    }

    private async Task<List<NumberedRow>> ReadGroupAsync(int group, long first, List<Field> fields, CancellationToken cancellation)
    {
        try
        {
            using var reader = _reader.OpenRowGroupReader(group);
            var assembler = await ParquetAssembler.OpenAsync(reader, fields, cancellation);
            List<NumberedRow> rows = [];
            for (var row = 0L; row < reader.RowCount; row++)
                rows.Add(new NumberedRow(first + row + 1, assembler.Next(), null));
            assembler.End();
            return rows;
        }
        catch (Exception problem) when (IsDamage(problem))
        {
            throw Damaged(_path, $"row group {group}", problem);
        }
    }

    private static async Task CheckMagicAsync(string path, Stream stream, CancellationToken cancellation)
    {
        var magic = new byte[4];
        stream.Position = 0;
        var count = await stream.ReadAtLeastAsync(magic, 4, throwOnEndOfStream: false, cancellation);
        if (count == 4 && magic.AsSpan().SequenceEqual("PAR1"u8) && stream.Length >= 12)
        {
            stream.Seek(-4, SeekOrigin.End);
            await stream.ReadExactlyAsync(magic, cancellation);
            if (magic.AsSpan().SequenceEqual("PAR1"u8))
                return;
            throw new GridException(ErrorCodes.InvalidParquet, $"The file '{path}' does not end as a Parquet file does; it is truncated, upload it again.", path);
        }
        throw new GridException(ErrorCodes.InvalidParquet, $"The file '{path}' is not a Parquet file: it does not begin with PAR1.", path);
    }

    // What a damaged file makes a reader throw; anything else is a fault of ours and must not look like the user's.
    private static bool IsDamage(Exception problem) =>
        problem is IOException or InvalidDataException or ArgumentException or IndexOutOfRangeException or OverflowException
            or FormatException or NotSupportedException or InvalidOperationException or KeyNotFoundException or NullReferenceException or InvalidCastException;

    private static GridException Damaged(string path, string where, Exception problem) =>
        new(ErrorCodes.InvalidParquet, $"The file '{path}' cannot be read at {where}: {problem.Message.TrimEnd('.')}. It is damaged, or uses something that is not supported.", path, problem);
}
