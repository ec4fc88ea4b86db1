using System.Text.Json.Serialization;

namespace FineTuneGrid.Contracts.Access;

public enum Role
{
    Reader,
    Member,
    Admin,
}

/// <summary>Who calls. <paramref name="Org"/> is null for an admin of the whole installation only.</summary>
/// <param name="Scopes">What of it the key is limited to, see <see cref="KeyScopes"/>; null for no limit.</param>
public sealed record Principal(string KeyId, string? Org, Role Role, IReadOnlyList<string>? Scopes = null)
{
    [JsonIgnore]
    public bool IsAdmin => Role == Role.Admin;

    public bool CanSee(string org) => IsAdmin || org == Org || org == Names.SharedOrg;

    public bool CanWrite(string org) => IsAdmin || (Role == Role.Member && org == Org);
}

/// <summary>A key as it is listed. The secret itself is shown once, when it is made.</summary>
/// <param name="Scopes">Null for all that the role allows.</param>
/// <param name="LastUsedAt">To within <see cref="LastUseWithin"/>; null where it was never used.</param>
public sealed record KeyView(
    string Id, string Name, string? Org, Role Role, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? RevokedAt,
    IReadOnlyList<string>? Scopes = null, DateTimeOffset? LastUsedAt = null)
{
    public static readonly TimeSpan LastUseWithin = TimeSpan.FromMinutes(5);
}

public sealed record CreateKeyRequest(string Name, string? Org, Role Role, DateTimeOffset? ExpiresAt = null, IReadOnlyList<string>? Scopes = null);

public sealed record CreatedKey(KeyView Key, string Secret);
