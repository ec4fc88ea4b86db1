using FineTuneGrid.Storage;
using FineTuneGrid.Storage.Backups;

namespace FineTuneGrid.Grains.Backups;

/// <summary>What one run has copied, in order, each key once.</summary>
internal sealed class BackupCopies(IBlobStore source, BackupArchive archive)
{
    public const int Attempts = 5;

    private readonly List<BackupEntry> _entries = [];
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);
    private readonly List<string> _problems = [];
    private Dictionary<string, BackupEntry> _before = [];

    public IReadOnlyList<BackupEntry> Entries => _entries;

    public IReadOnlyList<string> Problems => _problems;

    /// <param name="before">The last snapshot's entries.</param>
    public void Begin(IEnumerable<BackupEntry> before) => _before = before.ToDictionary(e => e.Key, StringComparer.Ordinal);

    /// <summary>False where there is no such blob.</summary>
    public async Task<bool> AddAsync(string key, CancellationToken cancellation)
    {
        if (_keys.Contains(key))
            return true;
        if (await archive.AddAsync(source, key, _before.GetValueOrDefault(key), cancellation) is not { } entry)
            return false;
        Note(entry);
        return true;
    }

    public async Task AddBytesAsync(BlobInfo info, byte[] bytes, CancellationToken cancellation) => Note(await archive.AddBytesAsync(info, bytes, cancellation));

    public async Task AddEmptyAsync(string key, CancellationToken cancellation) => Note(await archive.AddBytesAsync(new BlobInfo(key, 0, "", default), [], cancellation));

    public void Problem(string what) => _problems.Add(what);

    public (int Entries, int Problems) Mark() => (_entries.Count, _problems.Count);

    /// <summary>Forgets what came after the mark. Its bytes stay where they are, and are found again.</summary>
    public void Reset((int Entries, int Problems) mark)
    {
        foreach (var entry in _entries[mark.Entries..])
            _keys.Remove(entry.Key);
        _entries.RemoveRange(mark.Entries, _entries.Count - mark.Entries);
        _problems.RemoveRange(mark.Problems, _problems.Count - mark.Problems);
    }

    private void Note(BackupEntry entry)
    {
        if (_keys.Add(entry.Key))
            _entries.Add(entry);
    }
}
