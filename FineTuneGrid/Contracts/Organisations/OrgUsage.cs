namespace FineTuneGrid.Contracts.Organisations;

/// <summary>What an organisation keeps in the store.</summary>
/// <param name="UsedBytes">At the time of the last look, which may be half a minute ago, and what was uploaded here since.</param>
/// <param name="QuotaBytes">Null where it is not limited.</param>
public sealed record OrgView(string Name, long UsedBytes, long? QuotaBytes);

/// <param name="Largest">What takes the most room, the largest first.</param>
public sealed record OrgUsageView(string Name, long UsedBytes, long? QuotaBytes, StorageBytes Bytes, IReadOnlyList<StoredThing> Largest);

/// <summary>Bytes by what they belong to.</summary>
/// <param name="Uploads">Pieces of files and pushes of adapters that are not complete.</param>
/// <param name="Jobs">Checkpoints, events, logs and files of results.</param>
public sealed record StorageBytes(long Models, long Datasets, long Adapters, long Jobs, long Uploads)
{
    public long Total() => Models + Datasets + Adapters + Jobs + Uploads;
}

/// <param name="Kind"><c>model</c>, <c>dataset</c>, <c>adapter</c> or <c>job</c>.</param>
/// <param name="Name">What a command that deletes it takes.</param>
public sealed record StoredThing(string Kind, string Name, long Bytes);
