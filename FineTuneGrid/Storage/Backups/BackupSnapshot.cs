namespace FineTuneGrid.Storage.Backups;

/// <summary>One blob as it was copied.</summary>
/// <param name="ETag">Of the source: an unchanged blob is not read again. Empty where there is none.</param>
public sealed record BackupEntry(string Key, long Length, string Sha256, string ETag);

/// <summary>The state of a grid at one time. Its JSON member names are a stored format.</summary>
/// <param name="Entries">What refers to others stands before them: written in reverse order, every reference leads somewhere.</param>
/// <param name="Files">Files of the data directory outside the store, by their paths in it.</param>
/// <param name="Problems">What was damaged in the source already, and is not in here.</param>
public sealed record BackupSnapshot(
    int Format, string Id, DateTimeOffset At, IReadOnlyList<BackupEntry> Entries, IReadOnlyList<BackupEntry> Files, IReadOnlyList<string> Problems)
{
    public const int CurrentFormat = 1;

    public long Bytes() => Entries.Concat(Files).Sum(e => e.Length);
}
