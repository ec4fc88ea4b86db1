using System.Buffers;
using Parquet.File.Codecs;
using Parquet.File.Values;
using Parquet.Meta;
using Parquet.Schema;

namespace Parquet.File;

/// <summary>Reads one column of one row group.</summary>
internal sealed class ColumnReader<T>
{
    /// <summary>Levels that are decoded at a time.</summary>
    private const int Step = 1 << 16;

    private readonly DataField _field;
    private readonly ColumnMetaData _chunk;
    private readonly SchemaElement _element;
    private readonly ValueCodec<T> _codec;
    private readonly ColumnTarget<T> _target;
    private readonly string _column;
    private T[]? _dictionary;
    private long _inflated;
    private long _rows;

    public ColumnReader(DataField field, ColumnMetaData chunk, SchemaElement element, ColumnTarget<T> target)
    {
        _field = field;
        _chunk = chunk;
        _element = element;
        _target = target;
        _column = field.Path.ToString();
        _codec = ValueCodecs.For<T>(field, element);
        if (chunk.Type != element.Type) throw new ParquetException($"column '{_column}' is {chunk.Type} in its row group and {element.Type} in the schema");
    }

    /// <param name="dataEnd">Where the footer begins.</param>
    /// <param name="rows">Rows of the row group.</param>
    public async ValueTask ReadAsync(Stream stream, long dataEnd, long rows, CancellationToken cancel)
    {
        if (_chunk.NumValues > 0)
        {
            using var pages = new PageSource(stream, _chunk, dataEnd, _column);
            while (_target.Entries < _chunk.NumValues)
            {
                cancel.ThrowIfCancellationRequested();
                PageHeader header = await pages.NextAsync(cancel);
                Page(header, pages.Stored);
            }
        }
        if (_field.MaxRepetitionLevel == 0) _rows = _target.Entries;
        if (_rows != rows) throw Damaged($"it has {_rows} rows in a row group of {rows}");
    }

    private void Page(PageHeader header, byte[] stored)
    {
        CountInflated(header);
        switch (header.Type)
        {
            case PageType.DICTIONARY_PAGE: Dictionary(header, stored); break;
            case PageType.DATA_PAGE: DataV1(header, stored); break;
            case PageType.DATA_PAGE_V2: DataV2(header, stored); break;
            case PageType.INDEX_PAGE: break;
            default: throw Damaged($"a page of the unknown type {(int)header.Type}");
        }
    }

    /// <summary>Pages may be few bytes each and many: what they inflate to is bounded together, too.</summary>
    private void CountInflated(PageHeader header)
    {
        Limits.CheckInflation(_column, _chunk.Codec, header.CompressedPageSize, header.UncompressedPageSize);
        _inflated += header.UncompressedPageSize;
        bool within = _inflated <= Limits.ChunkBytes
            && (_inflated <= Limits.ChunkAllowance || _inflated <= _chunk.TotalCompressedSize * Limits.Ratio);
        if (!within) throw new ParquetException($"column '{_column}' inflates {_chunk.TotalCompressedSize} bytes to more than {_inflated} in one row group, which is more than is accepted");
    }

    private void Dictionary(PageHeader header, byte[] stored)
    {
        if (header.DictionaryPageHeader is not { } page) throw Damaged("a dictionary page without its header");
        if (_dictionary is not null) throw Damaged("a second dictionary");
        if (page.Encoding is not (Meta.Encoding.PLAIN or Meta.Encoding.PLAIN_DICTIONARY)) throw Damaged($"a dictionary in encoding {page.Encoding}");
        // Every entry but a boolean takes at least a byte, and an empty string four.
        if (page.NumValues < 0 || page.NumValues > header.UncompressedPageSize) throw Damaged($"a dictionary of {page.NumValues} values in {header.UncompressedPageSize} bytes");
        int count = page.NumValues;
        using var buffer = new PageBuffer(header.UncompressedPageSize, _codec.KeepsBuffer);
        PageCodec.Inflate(_chunk.Codec, stored, 0, header.CompressedPageSize, buffer.Span, _column);
        _dictionary = new T[count];
        _codec.Decode(buffer.Bytes, 0, buffer.Length, _dictionary);
    }

    private void DataV1(PageHeader header, byte[] stored)
    {
        if (header.DataPageHeader is not { } page) throw Damaged("a data page without its header");
        CheckCount(page.NumValues);
        using var buffer = new PageBuffer(header.UncompressedPageSize, _codec.KeepsBuffer);
        PageCodec.Inflate(_chunk.Codec, stored, 0, header.CompressedPageSize, buffer.Span, _column);
        int at = 0;
        if (_field.MaxRepetitionLevel > 0)
        {
            int length = LevelsLength(buffer, ref at, page.RepetitionLevelEncoding);
            Repetitions(buffer.Span.Slice(at, length), page.NumValues);
            at += length;
        }
        int present = page.NumValues;
        if (_field.MaxDefinitionLevel > 0)
        {
            int length = LevelsLength(buffer, ref at, page.DefinitionLevelEncoding);
            present = Definitions(buffer.Span.Slice(at, length), page.NumValues);
            at += length;
        }
        Values(page.Encoding, buffer.Bytes, at, buffer.Length - at, page.NumValues, present);
    }

    private void DataV2(PageHeader header, byte[] stored)
    {
        if (header.DataPageHeaderV2 is not { } page) throw Damaged("a data page without its header");
        CheckCount(page.NumValues);
        long levels = (long)page.RepetitionLevelsByteLength + page.DefinitionLevelsByteLength;
        bool fits = page.RepetitionLevelsByteLength >= 0 && page.DefinitionLevelsByteLength >= 0
            && levels <= header.CompressedPageSize && levels <= header.UncompressedPageSize;
        if (!fits) throw Damaged($"levels of {levels} bytes in a page of {header.CompressedPageSize}");
        if (_field.MaxRepetitionLevel > 0) Repetitions(stored.AsSpan(0, page.RepetitionLevelsByteLength), page.NumValues);
        int present = page.NumValues;
        if (_field.MaxDefinitionLevel > 0)
            present = Definitions(stored.AsSpan(page.RepetitionLevelsByteLength, page.DefinitionLevelsByteLength), page.NumValues);
        using var buffer = new PageBuffer(header.UncompressedPageSize - (int)levels, _codec.KeepsBuffer);
        CompressionCodec codec = page.IsCompressed == false ? CompressionCodec.UNCOMPRESSED : _chunk.Codec;
        PageCodec.Inflate(codec, stored, (int)levels, header.CompressedPageSize - (int)levels, buffer.Span, _column);
        Values(page.Encoding, buffer.Bytes, 0, buffer.Length, page.NumValues, present);
    }

    private void CheckCount(int count)
    {
        if (count < 0 || count > _chunk.NumValues - _target.Entries) throw Damaged($"a page of {count} values where {_chunk.NumValues - _target.Entries} are left");
    }

    /// <summary>Version 1 pages put the levels' length before them.</summary>
    private int LevelsLength(PageBuffer buffer, ref int at, Meta.Encoding encoding)
    {
        if (encoding != Meta.Encoding.RLE) throw new ParquetException($"column '{_column}' has levels in encoding {encoding}, which is not supported");
        if (buffer.Length - at < 4) throw Damaged("a page that ends before its levels do");
        int length = BitConverter.ToInt32(buffer.Span.Slice(at, 4));
        at += 4;
        if (length < 0 || length > buffer.Length - at) throw Damaged($"levels of {length} bytes in a page with {buffer.Length - at} left");
        return length;
    }

    private void Repetitions(ReadOnlySpan<byte> bytes, int count)
    {
        int rows = ReadLevels(bytes, count, _field.MaxRepetitionLevel, _target.Repetitions, wanted: 0);
        if (_target.Entries == 0 && count > 0 && _target.Repetitions(0, 1)[0] != 0) throw Damaged("its first row does not begin with repetition level 0");
        _rows += rows;
    }

    private int Definitions(ReadOnlySpan<byte> bytes, int count) =>
        ReadLevels(bytes, count, _field.MaxDefinitionLevel, _target.Definitions, wanted: _field.MaxDefinitionLevel);

    /// <summary>Decodes levels step by step, so that room is made for what is there and not for what was claimed; counts one of them.</summary>
    private int ReadLevels(ReadOnlySpan<byte> bytes, int count, int max, Func<int, int, Span<int>> room, int wanted)
    {
        var levels = new Encodings.RleDecoder(bytes, Encodings.RleDecoder.WidthOf(max), _column);
        int found = 0;
        for (int done = 0; done < count; done += Step)
        {
            Span<int> part = room(done, Math.Min(Step, count - done));
            levels.Read(part);
            if (part.ContainsAnyExceptInRange(0, max)) throw Damaged($"a level above {max}");
            found += part.Count(wanted);
        }
        return found;
    }

    private void Values(Meta.Encoding encoding, byte[] buffer, int offset, int length, int entries, int present)
    {
        if (present > 0)
            new PageValues<T>(_codec, _dictionary, _element, _column).Decode(encoding, buffer, offset, length, _target, present);
        _target.Advance(entries, present);
    }

    private ParquetException Damaged(string why) => new($"column '{_column}' is damaged: {why}");

    /// <summary>An inflated page: from the pool, unless the values will point into it.</summary>
    private readonly struct PageBuffer : IDisposable
    {
        private readonly bool _pooled;

        public PageBuffer(int length, bool kept)
        {
            Length = length;
            _pooled = !kept;
            Bytes = kept ? GC.AllocateUninitializedArray<byte>(length) : ArrayPool<byte>.Shared.Rent(length);
        }

        public byte[] Bytes { get; }

        public int Length { get; }

        public Span<byte> Span => Bytes.AsSpan(0, Length);

        public void Dispose()
        {
            if (_pooled) ArrayPool<byte>.Shared.Return(Bytes);
        }
    }
}
