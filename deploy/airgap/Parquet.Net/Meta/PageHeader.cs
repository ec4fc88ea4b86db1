namespace Parquet.Meta;

/// <summary>What stands before a page's bytes.</summary>
public class PageHeader
{
    public PageType Type { get; set; }

    public int UncompressedPageSize { get; set; }

    public int CompressedPageSize { get; set; }

    /// <summary>CRC-32 of the page's bytes as stored.</summary>
    public int? Crc { get; set; }

    public DataPageHeader? DataPageHeader { get; set; }

    public DictionaryPageHeader? DictionaryPageHeader { get; set; }

    public DataPageHeaderV2? DataPageHeaderV2 { get; set; }
}

public class DataPageHeader
{
    public int NumValues { get; set; }

    public Encoding Encoding { get; set; }

    public Encoding DefinitionLevelEncoding { get; set; }

    public Encoding RepetitionLevelEncoding { get; set; }
}

public class DictionaryPageHeader
{
    public int NumValues { get; set; }

    public Encoding Encoding { get; set; }
}

public class DataPageHeaderV2
{
    public int NumValues { get; set; }

    public int NumNulls { get; set; }

    public int NumRows { get; set; }

    public Encoding Encoding { get; set; }

    public int DefinitionLevelsByteLength { get; set; }

    public int RepetitionLevelsByteLength { get; set; }

    /// <summary>Absent means true.</summary>
    public bool? IsCompressed { get; set; }
}
