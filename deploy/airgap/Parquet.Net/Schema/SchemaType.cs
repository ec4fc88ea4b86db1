namespace Parquet.Schema;

public enum SchemaType
{
    Data,
    Map,
    Struct,
    List,
}
