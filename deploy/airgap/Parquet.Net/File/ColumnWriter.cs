using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using Parquet.File.Codecs;
using Parquet.File.Encodings;
using Parquet.File.Values;
using Parquet.Meta;
using Parquet.Thrift;

namespace Parquet.File;

/// <summary>Writes one column chunk: a dictionary page where asked for and worth it, then data pages of version 1 that begin with a row.</summary>
internal sealed class ColumnWriter<T>(Stream stream, SchemaElement element, ParquetOptions options, WritingColumn<T> column) where T : struct
{
    /// <summary>A page ends with the row in which it reaches this many bytes.</summary>
    private const int PageBytes = 1 << 20;

    private readonly ValueCodec<T> _codec = ValueCodecs.For<T>(column.Field, element);
    private readonly ArrayBufferWriter<byte> _page = new();
    private long _stored;
    private long _plain;

    public async Task<ColumnChunk> WriteAsync(Dictionary<string, string>? customMetadata, CancellationToken cancel)
    {
        EncodingHint hint = options.HintFor(column.Field);
        StringDictionary? dictionary = hint == EncodingHint.Dictionary && !column.Field.IsArray
            ? StringDictionary.TryBuild(column.Values, options.DictionaryEncodingThreshold)
            : null;
        bool deltas = hint == EncodingHint.DeltaBinaryPacked && (typeof(T) == typeof(int) || typeof(T) == typeof(long));
        Meta.Encoding encoding = dictionary is not null ? Meta.Encoding.PLAIN_DICTIONARY : deltas ? Meta.Encoding.DELTA_BINARY_PACKED : Meta.Encoding.PLAIN;
        ColumnMetaData meta = Describe(encoding, customMetadata);
        if (dictionary is not null)
        {
            meta.DictionaryPageOffset = stream.Position;
            await DictionaryPageAsync(dictionary, cancel);
            meta.DataPageOffset = stream.Position;
        }
        int entry = 0, value = 0;
        do
        {
            (int entries, int values) = NextPage(entry, value, encoding == Meta.Encoding.PLAIN);
            await DataPageAsync(encoding, dictionary, entry, entries, value, values, cancel);
            entry += entries;
            value += values;
        }
        while (entry < column.Entries);
        meta.TotalCompressedSize = _stored;
        meta.TotalUncompressedSize = _plain;
        return new ColumnChunk { FileOffset = meta.DictionaryPageOffset ?? meta.DataPageOffset, MetaData = meta };
    }

    private ColumnMetaData Describe(Meta.Encoding encoding, Dictionary<string, string>? customMetadata) => new()
    {
        Type = element.Type!.Value,
        Encodings = encoding == Meta.Encoding.PLAIN ? [Meta.Encoding.PLAIN, Meta.Encoding.RLE] : [encoding, Meta.Encoding.PLAIN, Meta.Encoding.RLE],
        PathInSchema = column.Field.Path.ToList(),
        Codec = (CompressionCodec)(int)options.CompressionMethod,
        NumValues = column.Entries,
        DataPageOffset = stream.Position,
        Statistics = Statistics(),
        KeyValueMetadata = customMetadata?.Select(pair => new KeyValue { Key = pair.Key, Value = pair.Value }).ToList(),
    };

    private Statistics Statistics()
    {
        (byte[] Min, byte[] Max)? range = _codec.MinMax(column.Values.Span);
        return new Statistics { NullCount = column.Entries - column.Values.Length, MinValue = range?.Min, MaxValue = range?.Max };
    }

    /// <summary>Entries and values of the page that begins here.</summary>
    private (int Entries, int Values) NextPage(int entry, int value, bool plain)
    {
        ReadOnlySpan<T> values = column.Values.Span;
        ReadOnlySpan<int> definitions = column.Definitions, repetitions = column.Repetitions;
        int max = column.Field.MaxDefinitionLevel, present = 0, i = entry;
        long bytes = 0;
        for (; i < column.Entries; i++)
        {
            bool beginsRow = repetitions.IsEmpty || repetitions[i] == 0;
            if (bytes >= PageBytes && beginsRow) break;
            bytes++; // levels, at most
            if (!definitions.IsEmpty && definitions[i] != max) continue;
            bytes += plain ? _codec.SizeOf(values[value + present]) : 4;
            present++;
        }
        return (i - entry, present);
    }

    private async Task DictionaryPageAsync(StringDictionary dictionary, CancellationToken cancel)
    {
        _page.ResetWrittenCount();
        ((ValueCodec<ReadOnlyMemory<char>>)(object)_codec).Encode(dictionary.Values, _page);
        var header = new DictionaryPageHeader { NumValues = dictionary.Values.Length, Encoding = Meta.Encoding.PLAIN_DICTIONARY };
        await PageAsync(new PageHeader { Type = PageType.DICTIONARY_PAGE, DictionaryPageHeader = header }, cancel);
    }

    private async Task DataPageAsync(Meta.Encoding encoding, StringDictionary? dictionary, int entry, int entries, int value, int values, CancellationToken cancel)
    {
        _page.ResetWrittenCount();
        if (column.Field.MaxRepetitionLevel > 0) Levels(column.Repetitions.Slice(entry, entries), column.Field.MaxRepetitionLevel);
        if (column.Field.MaxDefinitionLevel > 0) Levels(column.Definitions.Slice(entry, entries), column.Field.MaxDefinitionLevel);
        ReadOnlySpan<T> part = column.Values.Span.Slice(value, values);
        if (dictionary is not null) dictionary.WriteIndexes(value, values, _page);
        else if (encoding == Meta.Encoding.DELTA_BINARY_PACKED) DeltaEncoder.Write(part, _page);
        else _codec.Encode(part, _page);
        var header = new DataPageHeader
        {
            NumValues = entries,
            Encoding = encoding,
            DefinitionLevelEncoding = Meta.Encoding.RLE,
            RepetitionLevelEncoding = Meta.Encoding.RLE,
        };
        await PageAsync(new PageHeader { Type = PageType.DATA_PAGE, DataPageHeader = header }, cancel);
    }

    private void Levels(ReadOnlySpan<int> levels, int max)
    {
        int at = _page.WrittenCount;
        _page.Write("\0\0\0\0"u8);
        RleEncoder.Write(levels, RleDecoder.WidthOf(max), _page);
        int length = _page.WrittenCount - at - 4;
        BinaryPrimitives.WriteInt32LittleEndian(System.Runtime.InteropServices.MemoryMarshal.AsMemory(_page.WrittenMemory).Span[at..], length);
    }

    private async Task PageAsync(PageHeader header, CancellationToken cancel)
    {
        ReadOnlyMemory<byte> stored = PageCodec.Deflate(options.CompressionMethod, options.CompressionLevel, _page.WrittenMemory);
        header.UncompressedPageSize = _page.WrittenCount;
        header.CompressedPageSize = stored.Length;
        header.Crc = (int)Crc32.HashToUInt32(stored.Span);
        var head = new MemoryStream();
        MetaWriter.Write(new ThriftWriter(head), header);
        await stream.WriteAsync(head.GetBuffer().AsMemory(0, (int)head.Length), cancel);
        await stream.WriteAsync(stored, cancel);
        _stored += head.Length + stored.Length;
        _plain += head.Length + _page.WrittenCount;
    }
}
