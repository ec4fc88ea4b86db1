using System.Text.Json.Serialization;

namespace FineTuneGrid.Contracts.Access;

public enum Role
{
    Reader,
    Member,
    Admin,
}

/// <summary>Who calls. <paramref name="Org"/> is null for an admin of the whole installation only.</summary>
public sealed record Principal(string KeyId, string? Org, Role Role)
{
    [JsonIgnore]
    public bool IsAdmin => Role == Role.Admin;

    public bool CanSee(string org) => IsAdmin || org == Org || org == Names.SharedOrg;

    public bool CanWrite(string org) => IsAdmin || (Role == Role.Member && org == Org);
}

/// <summary>A key as it is listed. The secret itself is shown once, when it is made.</summary>
public sealed record KeyView(string Id, string Name, string? Org, Role Role, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? RevokedAt);

public sealed record CreateKeyRequest(string Name, string? Org, Role Role, DateTimeOffset? ExpiresAt = null);

public sealed record CreatedKey(KeyView Key, string Secret);
