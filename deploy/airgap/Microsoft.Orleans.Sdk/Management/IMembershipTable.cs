namespace Orleans;

/// <summary>
/// Where the silos of a cluster keep who they are. A provider of clustering supplies it; the single silo of these packages keeps none.
/// </summary>
public interface IMembershipTable
{
    Task<MembershipTableData> ReadAll();

    /// <summary>False where the table has changed since <paramref name="tableVersion"/> was derived from it.</summary>
    Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion);
}

/// <summary>The version of the whole table: every change of who is a member raises it.</summary>
public sealed class TableVersion(int version, string eTag)
{
    public int Version { get; } = version;

    public string VersionEtag { get; } = eTag;

    public TableVersion Next() => new(Version + 1, VersionEtag);
}

/// <summary>All rows, each with its ETag, as they were at one version.</summary>
public sealed class MembershipTableData(List<Tuple<MembershipEntry, string>> list, TableVersion version)
{
    public IReadOnlyList<Tuple<MembershipEntry, string>> Members { get; } = list;

    public TableVersion Version { get; } = version;
}
