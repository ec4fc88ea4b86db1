using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;

namespace FineTuneGrid.Gateway.Hub;

/// <summary>The Hub's JSON, as its official clients read it. What the grid does not know (likes, downloads) is left out.</summary>
internal static class HubViews
{
    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    public static object Info(HubRepo repo, HubRevision revision) => new ModelInfo(
        repo.InternalId, repo.Id, repo.Id, repo.Org, revision.Sha, Time(revision.CreatedAt), Time(repo.CreatedAt), Private: repo.Org != Names.SharedOrg, Gated: false, Disabled: false,
        repo.Library, [repo.Library, "safetensors", .. repo.BaseModel is { } b ? [$"base_model:{b}"] : (string[])[], .. repo.License is { } l ? [$"license:{l}"] : (string[])[]],
        new CardData(repo.License, repo.BaseModel), UsedStorage: repo.Revisions.Sum(r => r.Files.Sum(f => f.Length)),
        [.. revision.Tree().List("", recursive: true)!.Where(e => e.File is not null).Select(e => new Sibling(e.Path, e.File!.Length, e.Oid, LfsOf(e)))]);

    /// <param name="expand">With the commit that the entry belongs to.</param>
    public static object Entry(HubTreeEntry entry, HubRevision revision, bool expand) => new TreeEntry(
        entry.File is null ? "directory" : "file", entry.Oid, entry.File?.Length ?? 0, entry.Path, LfsOf(entry),
        expand ? new LastCommit(revision.Sha, revision.Title, Time(revision.CreatedAt)) : null);

    public static object Refs(HubRepo repo) => new
    {
        Branches = repo.Branches.Select(b => new Ref(b.Key, "refs/heads/" + b.Key, b.Value.Sha)),
        Tags = repo.Revisions.Select(r => new Ref(r.Name, "refs/tags/" + r.Name, r.Sha)),
        Converts = Array.Empty<Ref>(),
        PullRequests = Array.Empty<Ref>(),
    };

    public static object Commit(HubRepo repo, HubRevision revision) => new
    {
        Id = revision.Sha, revision.Title, Message = "", Authors = new[] { new { User = repo.Org, Avatar = "" } }, Date = Time(revision.CreatedAt),
    };

    public static object WhoAmI(Principal caller)
    {
        var org = caller.Org ?? Names.SharedOrg;
        var role = caller.Role == Role.Reader ? "read" : "write";
        return new
        {
            Type = "user", Id = caller.KeyId, Name = org, Fullname = org, Email = "", EmailVerified = false, CanPay = false, IsPro = false, AvatarUrl = "",
            Orgs = new[] { new { Type = "org", Id = org, Name = org, Fullname = org, RoleInOrg = role } },
            Auth = new { Type = "access_token", AccessToken = new { DisplayName = caller.KeyId, Role = role } },
        };
    }

    /// <summary>The one form that all clients parse.</summary>
    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static Lfs? LfsOf(HubTreeEntry entry) => entry.File is { } file ? new Lfs(file.Sha256, file.Sha256, file.Length, HubPointer.Bytes(file).Length) : null;

    private sealed record ModelInfo(
        [property: JsonPropertyName("_id")] string InternalId, string Id, string ModelId, string Author, string Sha, string LastModified, string CreatedAt, bool Private, bool Gated,
        bool Disabled, [property: JsonPropertyName("library_name")] string Library, IReadOnlyList<string> Tags, CardData CardData, long UsedStorage, IReadOnlyList<Sibling> Siblings);

    private sealed record CardData(string? License, [property: JsonPropertyName("base_model")] string? BaseModel);

    private sealed record Sibling(string Rfilename, long Size, string BlobId, Lfs? Lfs);

    /// <param name="Oid">The name of the digest in trees, <paramref name="Sha256"/> that in siblings.</param>
    private sealed record Lfs(string Oid, string Sha256, long Size, int PointerSize);

    private sealed record TreeEntry(string Type, string Oid, long Size, string Path, Lfs? Lfs, LastCommit? LastCommit);

    private sealed record LastCommit(string Id, string Title, string Date);

    private sealed record Ref(string Name, [property: JsonPropertyName("ref")] string FullName, string TargetCommit);
}
