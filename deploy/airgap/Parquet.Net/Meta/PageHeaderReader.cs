using Parquet.Thrift;

namespace Parquet.Meta;

/// <summary>Reads page headers.</summary>
internal static class PageHeaderReader
{
    public static PageHeader Read(ref ThriftReader r)
    {
        var header = new PageHeader();
        short id = r.Begin();
        while (r.Next(ref id, out CompactType type))
        {
            switch (id)
            {
                case 1: header.Type = (PageType)r.I32(type, id); break;
                case 2: header.UncompressedPageSize = r.I32(type, id); break;
                case 3: header.CompressedPageSize = r.I32(type, id); break;
                case 4: header.Crc = r.I32(type, id); break;
                case 5: r.Expect(type, CompactType.Struct, id); header.DataPageHeader = Data(ref r); break;
                case 7: r.Expect(type, CompactType.Struct, id); header.DictionaryPageHeader = Dictionary(ref r); break;
                case 8: r.Expect(type, CompactType.Struct, id); header.DataPageHeaderV2 = DataV2(ref r); break;
                default: r.Skip(type); break;
            }
        }
        r.End();
        return header;
    }

    private static DataPageHeader Data(ref ThriftReader r)
    {
        var page = new DataPageHeader();
        short id = r.Begin();
        while (r.Next(ref id, out CompactType type))
        {
            switch (id)
            {
                case 1: page.NumValues = r.I32(type, id); break;
                case 2: page.Encoding = (Encoding)r.I32(type, id); break;
                case 3: page.DefinitionLevelEncoding = (Encoding)r.I32(type, id); break;
                case 4: page.RepetitionLevelEncoding = (Encoding)r.I32(type, id); break;
                default: r.Skip(type); break;
            }
        }
        r.End();
        return page;
    }

    private static DictionaryPageHeader Dictionary(ref ThriftReader r)
    {
        var page = new DictionaryPageHeader();
        short id = r.Begin();
        while (r.Next(ref id, out CompactType type))
        {
            switch (id)
            {
                case 1: page.NumValues = r.I32(type, id); break;
                case 2: page.Encoding = (Encoding)r.I32(type, id); break;
                default: r.Skip(type); break;
            }
        }
        r.End();
        return page;
    }

    private static DataPageHeaderV2 DataV2(ref ThriftReader r)
    {
        var page = new DataPageHeaderV2();
        short id = r.Begin();
        while (r.Next(ref id, out CompactType type))
        {
            switch (id)
            {
                case 1: page.NumValues = r.I32(type, id); break;
                case 2: page.NumNulls = r.I32(type, id); break;
                case 3: page.NumRows = r.I32(type, id); break;
                case 4: page.Encoding = (Encoding)r.I32(type, id); break;
                case 5: page.DefinitionLevelsByteLength = r.I32(type, id); break;
                case 6: page.RepetitionLevelsByteLength = r.I32(type, id); break;
                case 7: page.IsCompressed = r.Bool(type, id); break;
                default: r.Skip(type); break;
            }
        }
        r.End();
        return page;
    }
}
