using System.Text;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Gateway.Hub;

/// <summary>One line of a repository's tree.</summary>
/// <param name="Oid">Git's id of the pointer file or of the folder.</param>
/// <param name="File">Null for a folder.</param>
public sealed record HubTreeEntry(string Path, string Oid, SourceFile? File);

/// <summary>A revision's files as a git tree, in which every file is a Git LFS object.</summary>
public sealed class HubTree
{
    private readonly List<HubTreeEntry> _entries = [];

    public HubTree(IReadOnlyList<SourceFile> files)
    {
        AddFolder("", [.. files.OrderBy(f => f.Path, StringComparer.Ordinal)]);
        _entries.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
    }

    /// <summary>A file or folder; null where there is none.</summary>
    public HubTreeEntry? Find(string path) => _entries.Find(e => e.Path == path);

    /// <summary>What lies in a folder, in ordinal order; null where there is no such folder.</summary>
    /// <param name="folder">Empty for the root.</param>
    /// <param name="recursive">With all that lies deeper.</param>
    public IReadOnlyList<HubTreeEntry>? List(string folder, bool recursive)
    {
        if (folder.Length > 0 && Find(folder) is not { File: null }) return null;
        var prefix = folder.Length == 0 ? "" : folder + "/";
        return [.. _entries.Where(e => e.Path.StartsWith(prefix, StringComparison.Ordinal) && (recursive || !e.Path.AsSpan(prefix.Length).Contains('/')))];
    }

    /// <summary>Adds the entries below a prefix, and gives git's id of that folder.</summary>
    private byte[] AddFolder(string prefix, IReadOnlyList<SourceFile> files)
    {
        var children = new List<(string SortKey, string Header, byte[] Id)>();
        foreach (var group in files.GroupBy(f => f.Path[prefix.Length..].Split('/')[0]))
        {
            var path = prefix + group.Key;
            var file = group.FirstOrDefault(f => f.Path == path);
            var id = file is null ? AddFolder(path + "/", [.. group]) : HubPointer.ObjectId("blob", HubPointer.Bytes(file));
            // Git sorts folders as if their names ended with a slash.
            children.Add(file is null ? (group.Key + "/", $"40000 {group.Key}\0", id) : (group.Key, $"100644 {group.Key}\0", id));
            _entries.Add(new HubTreeEntry(path, Convert.ToHexStringLower(id), file));
        }
        var content = new MemoryStream();
        foreach (var (_, header, id) in children.OrderBy(c => c.SortKey, StringComparer.Ordinal))
        {
            content.Write(Encoding.UTF8.GetBytes(header));
            content.Write(id);
        }
        return HubPointer.ObjectId("tree", content.ToArray());
    }
}
