using System.Buffers;
using System.IO.Hashing;
using Parquet.Meta;
using Parquet.Thrift;

namespace Parquet.File;

/// <summary>
/// Reads one column chunk's pages in order: header, then the stored bytes. Pages are taken from the chunk's first offset on, since
/// the totals and the separate dictionary offset of some writers are wrong.
/// </summary>
internal sealed class PageSource : IDisposable
{
    private const int FirstWindow = 4096;

    private readonly Stream _stream;
    private readonly string _column;
    private readonly long _end;
    private long _position;
    private byte[] _window = ArrayPool<byte>.Shared.Rent(FirstWindow);
    private int _windowLength;

    /// <param name="end">Where the footer begins; no page reaches beyond.</param>
    public PageSource(Stream stream, ColumnMetaData chunk, long end, string column)
    {
        _stream = stream;
        _column = column;
        _end = end;
        _position = FirstOffset(chunk);
        if (_position < 4 || _position >= end) throw new ParquetException($"column '{column}' claims to begin at byte {_position} of a file whose data end at {end}");
    }

    /// <summary>The stored bytes of the page that <see cref="NextAsync"/> read last.</summary>
    public byte[] Stored { get; private set; } = [];

    /// <summary>Reads the next page; its bytes stay in <see cref="Stored"/> until the next call.</summary>
    public async ValueTask<PageHeader> NextAsync(CancellationToken cancel)
    {
        (PageHeader header, int headerLength) = await HeaderAsync(cancel);
        _position += headerLength;
        int size = header.CompressedPageSize;
        if (size < 0 || size > _end - _position) throw new ParquetException($"column '{_column}' has a page of {size} bytes where {_end - _position} are left");
        if (header.UncompressedPageSize < 0) throw new ParquetException($"column '{_column}' has a page of {header.UncompressedPageSize} bytes");
        if (size > Limits.PageBytes) throw new ParquetException($"column '{_column}' has a page of {size} bytes; at most {Limits.PageBytes} are accepted");
        if (Stored.Length < size) Stored = GC.AllocateUninitializedArray<byte>(size);
        int known = Math.Min(size, _windowLength - headerLength);
        _window.AsSpan(headerLength, known).CopyTo(Stored);
        if (known < size)
        {
            _stream.Position = _position + known;
            await ReadExactlyAsync(Stored.AsMemory(known, size - known), cancel);
        }
        _position += size;
        if (header.Crc is int crc && (uint)crc != Crc32.HashToUInt32(Stored.AsSpan(0, size)))
            throw new ParquetException($"column '{_column}' is damaged: a page does not match its checksum");
        return header;
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_window);
        _window = [];
    }

    private static long FirstOffset(ColumnMetaData chunk)
    {
        long first = chunk.DataPageOffset;
        if (chunk.DictionaryPageOffset is > 0 and long dictionary && (first <= 0 || dictionary < first)) first = dictionary;
        return first;
    }

    /// <summary>A header's length is not known beforehand: more bytes are read only where it did not end within the first ones.</summary>
    private async ValueTask<(PageHeader Header, int Length)> HeaderAsync(CancellationToken cancel)
    {
        for (long wanted = FirstWindow; ; wanted *= 8)
        {
            long most = Math.Min(wanted, Math.Min(_end - _position, Limits.PageHeaderBytes));
            if (most <= 0) throw new ParquetException($"column '{_column}' ends before its values do");
            await FillWindowAsync((int)most, cancel);
            try
            {
                return Parse();
            }
            catch (ThriftEndException) when (most == wanted)
            {
                // Only this window ended, not the file: try a larger one.
            }
        }
    }

    private (PageHeader Header, int Length) Parse()
    {
        var thrift = new ThriftReader(_window.AsSpan(0, _windowLength), $"page header of column '{_column}'");
        PageHeader header = PageHeaderReader.Read(ref thrift);
        return (header, thrift.Position);
    }

    private async ValueTask FillWindowAsync(int length, CancellationToken cancel)
    {
        if (_window.Length < length)
        {
            ArrayPool<byte>.Shared.Return(_window);
            _window = ArrayPool<byte>.Shared.Rent(length);
        }
        _stream.Position = _position;
        _windowLength = length;
        await ReadExactlyAsync(_window.AsMemory(0, length), cancel);
    }

    private async ValueTask ReadExactlyAsync(Memory<byte> into, CancellationToken cancel)
    {
        int read = await _stream.ReadAtLeastAsync(into, into.Length, throwOnEndOfStream: false, cancel);
        if (read < into.Length) throw new ParquetException($"column '{_column}' ends before its pages do");
    }
}
