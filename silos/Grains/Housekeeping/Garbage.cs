using FineTuneGrid.Storage;

namespace FineTuneGrid.Grains.Housekeeping;

/// <summary>
/// Blobs that go together, in this order, each only as the version that was listed. Where one was written again meanwhile the
/// rest of the group stays: someone has taken it over.
/// </summary>
/// <param name="Kind">One of <see cref="Contracts.Housekeeping.GarbageKinds"/>.</param>
public sealed record Garbage(string Kind, IReadOnlyList<BlobInfo> Blobs);

/// <summary>What a model or data set references.</summary>
/// <param name="Files">Keys of its files.</param>
/// <param name="InUse">Whether a job holds it.</param>
/// <param name="Tokens">Keys of the indexes of tokenised forms that a job may still ask for.</param>
public sealed record AssetReferences(bool Deleted, IReadOnlySet<string> Files, bool InUse, IReadOnlySet<string> Tokens);

/// <param name="Files">Keys of the files of all its versions.</param>
public sealed record AdapterReferences(bool Deleted, IReadOnlySet<string> Files);
