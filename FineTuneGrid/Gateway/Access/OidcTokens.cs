using System.Security.Claims;
using FineTuneGrid.Contracts;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace FineTuneGrid.Gateway.Access;

/// <summary>Why a token is not valid.</summary>
internal sealed class OidcException(string message, Exception? inner) : Exception(message, inner);

/// <summary>Holds tokens against the provider's keys, which are read from it and kept; anew where one is not known (OpenID Connect Discovery 1.0).</summary>
internal sealed class OidcTokens : IDisposable
{
    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    /// <summary>Signatures that only the provider can make: one by a shared secret could be made by whoever checks it.</summary>
    private static readonly string[] Algorithms =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512, SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384,
        SecurityAlgorithms.RsaSsaPssSha512, SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
    ];

    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false };
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(10), MaxResponseContentBufferSize = 1 << 20 };
    private readonly ConfigurationManager<OpenIdConnectConfiguration> _provider;
    private readonly TokenValidationParameters _parameters;

    public OidcTokens(OidcOptions oidc)
    {
        var issuer = oidc.Issuer.AbsoluteUri.TrimEnd('/');
        _provider = new(issuer + "/.well-known/openid-configuration", new OpenIdConnectConfigurationRetriever(), new HttpDocumentRetriever(_http) { RequireHttps = !oidc.Issuer.IsLoopback });
        _parameters = new TokenValidationParameters
        {
            // Whether the provider writes its address with a slash at the end is its own affair.
            ValidIssuers = [issuer, issuer + "/"], ValidAudience = oidc.Audience, ValidAlgorithms = Algorithms,
            RequireExpirationTime = true, RequireSignedTokens = true, ClockSkew = ClockSkew,
        };
    }

    /// <exception cref="OidcException">The token is not one of the provider's for this installation, or not at this time.</exception>
    /// <exception cref="GridException"><c>unavailable</c>: the provider does not say what its keys are.</exception>
    public async Task<ClaimsIdentity> ValidateAsync(string token, CancellationToken ct)
    {
        var result = await ValidateAsync(token, await KeysAsync(ct));
        if (!result.IsValid && result.Exception is SecurityTokenSignatureKeyNotFoundException)
        {
            // The provider may have a new one. It is asked again after some time at most, however many unknown keys come.
            _provider.RequestRefresh();
            result = await ValidateAsync(token, await KeysAsync(ct));
        }
        return result.IsValid ? result.ClaimsIdentity : throw new OidcException(result.Exception.Message, result.Exception);
    }

    public void Dispose() => _http.Dispose();

    private Task<TokenValidationResult> ValidateAsync(string token, ICollection<SecurityKey> keys)
    {
        var parameters = _parameters.Clone();
        parameters.IssuerSigningKeys = keys;
        return _handler.ValidateTokenAsync(token, parameters);
    }

    private async Task<ICollection<SecurityKey>> KeysAsync(CancellationToken ct)
    {
        try
        {
            return (await _provider.GetConfigurationAsync(ct)).SigningKeys;
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or HttpRequestException)
        {
            throw new GridException(ErrorCodes.Unavailable, "The identity provider does not answer, so tokens cannot be checked; keys can.", inner: e);
        }
    }
}
