using System.Security.Cryptography;
using System.Text;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Adapters;
using FineTuneGrid.Contracts.Inspection;

namespace FineTuneGrid.Gateway.Hub;

/// <summary>A base model or an adapter, as Hub clients see it: a repository whose commits are the registered versions.</summary>
/// <param name="Id"><c>org/name</c>, or <c>name</c> where it was asked for without an organisation.</param>
/// <param name="Library">What loads it: <c>peft</c> or <c>transformers</c>.</param>
/// <param name="Revisions">Newest first; at least one.</param>
/// <param name="Branches">What moves, <see cref="Main"/> first: by name the revision that it is at.</param>
public sealed record HubRepo(
    string Id, string InternalId, string Org, DateTimeOffset CreatedAt, string Library, string? BaseModel, string? License, IReadOnlyList<HubRevision> Revisions,
    IReadOnlyList<KeyValuePair<string, HubRevision>> Branches)
{
    public const string Main = "main";
    private const string Heads = "refs/heads/";
    private const int ShortestPrefix = 7;

    public bool IsModel => Ids.IsId(InternalId, Ids.Model);

    public HubRevision Head => Revisions[0];

    /// <summary>By branch (<c>main</c>, or the alias of a stage), tag (the version), commit id, or a unique beginning of one of 7 digits or more.</summary>
    /// <exception cref="GridException"><c>not_found</c>, naming <c>revision</c>.</exception>
    public HubRevision At(string revision)
    {
        var name = Uri.UnescapeDataString(revision);
        if (name == "HEAD") return Head;
        if (name.StartsWith(Heads, StringComparison.Ordinal)) name = name[Heads.Length..];
        if (Branches.FirstOrDefault(b => b.Key == name).Value is { } branch) return branch;
        if (name.StartsWith("refs/tags/", StringComparison.Ordinal)) name = name["refs/tags/".Length..];
        var found = Revisions.Where(r => r.Name == name || r.Sha == name).ToList();
        if (found.Count == 0 && name.Length >= ShortestPrefix) found = [.. Revisions.Where(r => r.Sha.StartsWith(name, StringComparison.Ordinal))];
        return found.Count == 1 ? found[0] : throw new GridException(ErrorCodes.NotFound,
            $"{Id} has no revision '{name}'; it has {string.Join(", ", Branches.Select(b => b.Key).Concat(Revisions.Take(10).Select(r => r.Name)))}.", "revision");
    }
}

/// <summary>One immutable version.</summary>
/// <param name="Name">The tag.</param>
/// <param name="Sha">The commit id: 40 hexadecimal digits, a function of the files.</param>
/// <param name="Lineage">Of an adapter.</param>
public sealed record HubRevision(string Name, string Sha, DateTimeOffset CreatedAt, string Title, IReadOnlyList<SourceFile> Files, AdapterLineage? Lineage = null)
{
    /// <summary>Commit ids are cut from the SHA-256 over the files, so that the same files have the same id everywhere.</summary>
    public const int ShaLength = 40;

    public HubTree Tree() => new(Files);
}

/// <summary>A file as Git LFS keeps it: a small pointer in the tree, whose id is git's, and the content by its SHA-256.</summary>
public static class HubPointer
{
    /// <summary>Text of the pointer file. Format: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md.</summary>
    public static byte[] Bytes(SourceFile file) =>
        Encoding.ASCII.GetBytes($"version https://git-lfs.github.com/spec/v1\noid sha256:{file.Sha256}\nsize {file.Length}\n");

    /// <summary>The id that git gives to an object of this type and content.</summary>
    public static byte[] ObjectId(string type, ReadOnlySpan<byte> content)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        hash.AppendData(Encoding.ASCII.GetBytes($"{type} {content.Length}\0"));
        hash.AppendData(content);
        return hash.GetHashAndReset();
    }
}
