using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Access;
using FineTuneGrid.Contracts.Provenance;
using FineTuneGrid.Gateway.Access;

namespace FineTuneGrid.Gateway.Apis;

/// <summary><c>/api/v1/signing-key</c>: what signs published adapters, for whoever verifies one later.</summary>
public static class SigningApi
{
    /// <param name="KeyId">SHA-256 of the key's SubjectPublicKeyInfo.</param>
    /// <param name="Pem">SubjectPublicKeyInfo.</param>
    private sealed record SigningKeyView(string KeyId, string Pem);

    public static void MapSigning(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/api/v1/signing-key", (SigningKey key) => Results.Json(new SigningKeyView(key.Public.Id, key.Public.Pem), GridJson.Options))
            .RequireAuthorization(Policies.Reader).InArea(KeyScopes.Registry).WithTags("adapters").WithSummary("The public key of this installation: ECDSA P-256").Produces<SigningKeyView>();
}
