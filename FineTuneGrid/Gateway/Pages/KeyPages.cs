using System.Globalization;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Apis;
using FineTuneGrid.Gateway.Audit;
using Microsoft.AspNetCore.Antiforgery;
using Orleans;

namespace FineTuneGrid.Gateway.Pages;

/// <summary><c>/keys</c>, for admins: who may come in, new keys, and their end. A secret is shown once, in the answer to the form.</summary>
public static class KeyPages
{
    public static void MapKeyPages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/keys", ListAsync).RequireAuthorization(Policies.PageAdmin).ExcludeFromDescription();
        routes.MapPost("/keys", CreateAsync).RequireAuthorization(Policies.PageAdmin).ExcludeFromDescription();
        routes.MapPost("/keys/{id}/revoke", RevokeAsync).RequireAuthorization(Policies.PageAdmin).ExcludeFromDescription();
    }

    private static Task<IResult> ListAsync(HttpContext context, IGrainFactory grains, TimeProvider time) => PageAsync(context, grains, time, Html.Empty);

    private static async Task<IResult> CreateAsync(HttpContext context, IAntiforgery antiforgery, IGrainFactory grains, ApiKeys keys, TimeProvider time)
    {
        await SessionPages.CheckFormAsync(context, antiforgery);
        var form = await context.Request.ReadFormAsync();
        try
        {
            var request = Read(form, time.GetUtcNow());
            await KeysApi.PrepareAsync(grains, request);
            var secret = ApiKeys.Create();
            var view = await grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).AddKey(request, Ids.New(Ids.Key, time.GetUtcNow()), keys.Hash(secret)!);
            context.Changes($"key {view.Id} '{view.Name}'");
            return await PageAsync(context, grains, time, Html.Of($"""
                <div class="notice good" role="status"><p>The key <b>{view.Name}</b>. Copy it now: it is stored nowhere and not shown again.</p><p><code class="secret" id="secret">{secret}</code></p></div>
                """));
        }
        catch (GridException e)
        {
            return await PageAsync(context, grains, time, Html.Of($"""<p class="notice bad" role="alert"><b>{e.Code}</b> {e.Message}</p>"""));
        }
    }

    private static async Task<IResult> RevokeAsync(HttpContext context, IAntiforgery antiforgery, IGrainFactory grains, KeyCache cache, string id)
    {
        await SessionPages.CheckFormAsync(context, antiforgery);
        await KeysApi.RevokeAsync(grains, cache, id);
        return Results.Redirect("/keys");
    }

    private static CreateKeyRequest Read(IFormCollection form, DateTimeOffset now)
    {
        if (!Enum.TryParse<Role>(form["role"], ignoreCase: true, out var role) || !Enum.IsDefined(role))
            throw new GridException(ErrorCodes.InvalidValue, "role must be reader, member or admin.", "role");
        var org = form["org"].ToString().Trim();
        DateTimeOffset? until = form["days"].ToString() is not { Length: > 0 } days ? null
            : int.TryParse(days, CultureInfo.InvariantCulture, out var count) && count is > 0 and <= 3650 ? now.AddDays(count)
            : throw new GridException(ErrorCodes.InvalidValue, "days must be a whole number from 1 to 3650, or empty for a key without an end.", "days");
        return new CreateKeyRequest(form["name"].ToString().Trim(), org.Length == 0 ? null : org, role, until);
    }

    private static async Task<IResult> PageAsync(HttpContext context, IGrainFactory grains, TimeProvider time, Html notice)
    {
        var now = time.GetUtcNow();
        var keys = (await grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).Keys()).OrderBy(k => k.RevokedAt is not null).ThenByDescending(k => k.CreatedAt);
        var table = Format.Table("Keys", ["Name", "Id", "Organisation", "Role", "Made", "Ends", "State", "Change"], keys.Select(k => (Html[])
        [
            Html.Of($"{k.Name}"), Html.Of($"<code>{Format.Short(k.Id)}</code>"), Html.Of($"{k.Org ?? "all"}"), Html.Of($"{k.Role.ToString().ToLowerInvariant()}"), Format.Time(k.CreatedAt), Format.Time(k.ExpiresAt), Html.Of($"{State(k, now)}"),
            k.RevokedAt is null && k.Id != AdminKey.Id ? Layout.Button(context, $"/keys/{k.Id}/revoke", "Revoke", "danger", $"End the key {k.Name} for good") : Html.Empty,
        ]), "No keys.");
        var orgs = Html.Join((await grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).Orgs()).Select(o => Html.Of($"""<option value="{o}"></option>""")));
        return Layout.Page(context, "Keys", Html.Of($"""
            <h1>Keys</h1>{notice}
            <form class="filters" method="post" action="/keys" aria-label="New key">{Layout.Token(context)}
            <label>Name <input name="name" required maxlength="200" placeholder="who or what uses it"></label>
            <label>Organisation <input name="org" list="orgs" pattern="[a-z0-9][a-z0-9._\-]*" placeholder="team"></label><datalist id="orgs">{orgs}</datalist>
            <label>Role <select name="role"><option>member</option><option>reader</option><option>admin</option></select></label>
            <label>Ends after days <input type="number" name="days" min="1" max="3650" placeholder="never"></label>
            <button class="primary">Make key</button>
            </form>
            {table}
            """));
    }

    private static string State(KeyView key, DateTimeOffset now) => key switch
    {
        { RevokedAt: not null } => "revoked",
        { ExpiresAt: { } end } when end <= now => "ended",
        _ => "valid",
    };
}
