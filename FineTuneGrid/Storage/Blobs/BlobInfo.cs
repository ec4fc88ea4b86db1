namespace FineTuneGrid.Storage;

/// <summary>What a store knows about one blob.</summary>
/// <param name="Length">Bytes.</param>
/// <param name="ETag">Opaque; changes with every write of the key, also when it is deleted and written again.</param>
public sealed record BlobInfo(string Key, long Length, string ETag, DateTimeOffset Modified);
