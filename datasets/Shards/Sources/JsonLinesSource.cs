using System.Runtime.CompilerServices;
using System.Text.Json;
using FineTuneGrid.Contracts;
using FineTuneGrid.Text.Json;

namespace FineTuneGrid.Shards;

/// <summary>JSON Lines: one object a line, strict UTF-8, bounded lines. Blank lines count but hold no row.</summary>
internal sealed class JsonLinesSource : SourceReader
{
    private const int RowsPerSlice = 4096;
    private const int BytesPerSlice = 32 << 20;
    private const int BufferBytes = 1 << 16;

    private readonly string _path;
    private readonly Stream _stream;
    private List<string> _columns = [];

    private JsonLinesSource(string path, Stream stream)
    {
        _path = path;
        _stream = stream;
    }

    public override IReadOnlyList<string> Columns => _columns;

    public static async Task<JsonLinesSource> StartAsync(string path, Stream stream, CancellationToken cancellation)
    {
        var source = new JsonLinesSource(path, stream);
        await foreach (var (line, bytes) in source.LinesAsync(cancellation))
        {
            var row = Parse(line, bytes);
            if (row.Problem is null)
                source._columns = [.. row.Value.EnumerateObject().Select(p => p.Name)];
            else if (line == 1 && bytes is not null && bytes.Value.Span.TrimStart(" \t"u8).StartsWith("["u8))
                throw new GridException(ErrorCodes.InvalidJson, $"The file '{path}' begins with a list; write one JSON object a line, without brackets and commas around them.", path);
            else
                continue;
            break;
        }
        return source;
    }

    public override async IAsyncEnumerable<SourceSlice> ReadAsync(IReadOnlySet<string> columns, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        List<NumberedRow> rows = [];
        var bytesInSlice = 0L;
        var slice = 0;
        var first = 0L;
        await foreach (var (line, bytes) in LinesAsync(cancellation))
        {
            rows.Add(Parse(line, bytes));
            bytesInSlice += bytes?.Length ?? 0;
            if (rows.Count < RowsPerSlice && bytesInSlice < BytesPerSlice)
                continue;
            yield return new SourceSlice(slice++, first, rows);
            first += rows.Count;
            rows = [];
            bytesInSlice = 0;
        }
        if (rows.Count > 0)
            yield return new SourceSlice(slice, first, rows);
    }

    public override ValueTask DisposeAsync() => _stream.DisposeAsync();

    private static NumberedRow Parse(long line, ReadOnlyMemory<byte>? bytes)
    {
        if (bytes is not { } given)
            return new NumberedRow(line, default, $"the line is longer than {StrictJson.MaximumLineBytes} bytes");
        try
        {
            using var document = StrictJson.Parse(given, "the line");
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new NumberedRow(line, document.RootElement.Clone(), null)
                : new NumberedRow(line, default, "the line is not a JSON object");
        }
        catch (GridException problem)
        {
            return new NumberedRow(line, default, problem.Message);
        }
    }

    /// <summary>Lines that are not blank, with their numbers; null for a line that is too long. Bytes are valid until the next line.</summary>
    private async IAsyncEnumerable<(long Line, ReadOnlyMemory<byte>? Bytes)> LinesAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        _stream.Position = 0;
        var buffer = new byte[BufferBytes];
        var (start, filled, line, tooLong) = (0, 0, 0L, false);
        var searched = 0;
        while (true)
        {
            var at = buffer.AsSpan(searched, filled - searched).IndexOf((byte)'\n');
            if (at >= 0)
            {
                var end = searched + at;
                line++;
                if (Content(buffer, start, end, line, tooLong, out var bytes))
                    yield return (line, bytes);
                (start, searched, tooLong) = (end + 1, end + 1, false);
                continue;
            }
            searched = filled;
            if (filled - start > StrictJson.MaximumLineBytes + 1)
                (tooLong, start) = (true, filled);
            if (start > 0)
            {
                buffer.AsSpan(start, filled - start).CopyTo(buffer);
                (searched, filled, start) = (searched - start, filled - start, 0);
            }
            if (filled == buffer.Length)
                Array.Resize(ref buffer, Math.Min(buffer.Length * 2, StrictJson.MaximumLineBytes + BufferBytes));
            var count = await _stream.ReadAsync(buffer.AsMemory(filled), cancellation);
            if (count == 0)
                break;
            filled += count;
        }
        line++;
        if (Content(buffer, start, filled, line, tooLong, out var last))
            yield return (line, last);
    }

    private static bool Content(byte[] buffer, int start, int end, long line, bool tooLong, out ReadOnlyMemory<byte>? bytes)
    {
        var content = buffer.AsMemory(start, end - start);
        if (line == 1 && content.Span.StartsWith("\uFEFF"u8))
            content = content[3..];
        if (content.Span.EndsWith("\r"u8))
            content = content[..^1];
        bytes = tooLong || content.Length > StrictJson.MaximumLineBytes ? (ReadOnlyMemory<byte>?)null : content;
        return tooLong || content.Span.ContainsAnyExcept(" \t\r"u8);
    }
}
