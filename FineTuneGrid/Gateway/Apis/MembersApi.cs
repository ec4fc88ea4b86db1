using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Organisations;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using Orleans;

namespace FineTuneGrid.Gateway.Apis;

/// <summary><c>/api/v1/orgs/{org}/members</c>: who belongs to an organisation by the identity provider's tokens.</summary>
public static class MembersApi
{
    private sealed record MemberRequest(Role? Role = null);

    public static void MapMembers(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/orgs/{org}/members").WithTags("orgs");
        group.MapGet("/", List).RequireAuthorization(Policies.Reader).WithSummary("An organisation's members");
        group.MapPut("/{subject}", Put).RequireAuthorization(Policies.Admin).WithSummary("Make the subject of the identity provider's tokens a member or reader").Produces<OrgMember>();
        group.MapDelete("/{subject}", Remove).RequireAuthorization(Policies.Admin).WithSummary("Refuse the member's tokens from now on");
    }

    private static async Task<IResult> List(HttpContext context, IGrainFactory grains, NameResolver names, string org, string? after, int? limit) =>
        (await names.VisibleOrgsAsync(context.Caller())).Contains(org)
            ? Paging.Keyed(await Directory(grains).Members(org), m => m.Subject, after, limit)
            : throw NameResolver.Missing("organisation", org);

    private static async Task<IResult> Put(HttpContext context, IGrainFactory grains, KeyCache cache, string org, string subject, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<MemberRequest>(context.Request, ct);
        var role = OrgMember.CheckRole(request.Role);
        await grains.GetGrain<IOrgGrain>(Names.Check(org, "org")).Ensure();
        var member = await Directory(grains).SetMember(org, OrgMember.CheckSubject(subject), role);
        cache.Clear();
        return Results.Json(member, GridJson.Options);
    }

    private static async Task<IResult> Remove(IGrainFactory grains, KeyCache cache, string org, string subject)
    {
        if (!await Directory(grains).RemoveMember(org, subject)) throw NameResolver.Missing("member", subject);
        cache.Clear();
        return Results.NoContent();
    }

    private static IDirectoryGrain Directory(IGrainFactory grains) => grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default);
}
