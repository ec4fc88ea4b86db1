using FineTuneGrid.Contracts.Access;

namespace FineTuneGrid.Contracts.Organisations;

/// <summary>A person of an organisation, who signs in with tokens of the identity provider that the installation trusts.</summary>
/// <param name="Subject">The <c>sub</c> of the tokens. It is a member of one organisation.</param>
/// <param name="Role"><see cref="Role.Reader"/> or <see cref="Role.Member"/>.</param>
public sealed record OrgMember(string Subject, string Org, Role Role, DateTimeOffset AddedAt)
{
    private const int MaxSubject = 255;

    public static string CheckSubject(string? subject) =>
        subject is { Length: > 0 and <= MaxSubject } && subject.All(c => c is > ' ' and <= '~')
            ? subject
            : throw new GridException(ErrorCodes.InvalidValue, $"subject must be the sub of a token: 1 to {MaxSubject} printable ASCII characters without spaces.", "subject");

    public static Role CheckRole(Role? role) => role is Role.Reader or Role.Member
        ? role.Value
        : throw new GridException(ErrorCodes.InvalidValue, "role must be reader or member; an admin is one of the installation, by a key or the provider's role.", "role");
}
