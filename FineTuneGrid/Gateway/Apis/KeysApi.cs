using System.Security.Cryptography;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Gateway.Audit;
using FineTuneGrid.Gateway.Idempotency;
using Orleans;

namespace FineTuneGrid.Gateway.Apis;

/// <summary><c>/api/v1/keys</c>: for the admin.</summary>
public static class KeysApi
{
    public static void MapKeys(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/keys").WithTags("keys").RequireAuthorization(Policies.Admin);
        group.MapPost("/", Create).WithSummary("Make a key; the secret is shown once").Produces<CreatedKey>(StatusCodes.Status201Created)
            .WithMetadata(HandlesIdempotency.Instance);
        group.MapGet("/", async (IGrainFactory grains, string? after, int? limit) =>
            Paging.Keyed(await grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).Keys(), k => k.Id, after, limit)).WithSummary("All keys, without secrets");
        group.MapDelete("/{id}", Revoke).WithSummary("Revoke a key").Produces<KeyView>();
    }

    private static async Task<IResult> Create(HttpContext context, IGrainFactory grains, ApiKeys keys, IdempotencyStore idempotency, TimeProvider time, CancellationToken ct)
    {
        var request = await BodyReader.ReadJsonAsync<CreateKeyRequest>(context.Request, ct);
        request = await PrepareAsync(grains, request);
        var (id, secret) = (Ids.New(Ids.Key, time.GetUtcNow()), ApiKeys.Create());
        if (context.Request.Headers[IdempotentPosts.Header].ToString() is { Length: > 0 } key)
        {
            var caller = context.Caller().KeyId;
            id = await idempotency.ClaimAsync(caller, key, Convert.ToHexStringLower(SHA256.HashData(GridJson.ToBytes(request))), id, ct);
            secret = keys.Derive($"{caller}\n{id}\n{key}");
        }
        context.Changes($"key {id} '{request.Name}'");
        var view = await grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).AddKey(request, id, keys.Hash(secret)!);
        return Results.Json(new CreatedKey(view, secret), GridJson.Options, statusCode: StatusCodes.Status201Created);
    }

    /// <summary>Checks what is asked for, and makes the organisation known that it is for.</summary>
    internal static async Task<CreateKeyRequest> PrepareAsync(IGrainFactory grains, CreateKeyRequest request)
    {
        if (string.IsNullOrWhiteSpace(request.Name) || request.Name.Length > 200) throw new GridException(ErrorCodes.InvalidValue, "name must have 1 to 200 characters.", "name");
        if (request.Role != Role.Admin && request.Org is null) throw new GridException(ErrorCodes.MissingField, $"org is required for a {request.Role.ToString().ToLowerInvariant()} key.", "org");
        if (request.Org is { } org)
        {
            Names.Check(org, "org");
            await grains.GetGrain<IOrgGrain>(org).Ensure();
            await grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).AddOrg(org);
        }
        return request with { Scopes = KeyScopes.Check(request.Scopes, "scopes") };
    }

    private static async Task<IResult> Revoke(IGrainFactory grains, KeyCache cache, string id) => Results.Json(await RevokeAsync(grains, cache, id), GridJson.Options);

    internal static async Task<KeyView> RevokeAsync(IGrainFactory grains, KeyCache cache, string id)
    {
        if (id == AdminKey.Id) throw new GridException(ErrorCodes.Conflict, $"The first admin key lives in {AdminKey.FileName} and is not revoked here.", "id");
        var view = await grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).Revoke(id) ?? throw NameResolver.Missing("key", id);
        cache.Clear();
        return view;
    }
}
