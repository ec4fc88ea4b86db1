using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace FineTuneGrid.Gateway.Access;

/// <summary><c>Authorization: Bearer</c> with a token of the identity provider.</summary>
internal sealed partial class TokenAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, OidcOptions oidc, OidcTokens tokens, KeyCache cache)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "oidc";
    private const string Either = "bearer";
    private const string Prefix = "Bearer ";

    /// <summary>Keys, and where a provider is configured tokens beside them.</summary>
    public static AuthenticationBuilder Add(IServiceCollection services, OidcOptions? oidc)
    {
        var builder = services.AddAuthentication(oidc is null ? KeyAuthentication.SchemeName : Either)
            .AddScheme<AuthenticationSchemeOptions, KeyAuthentication>(KeyAuthentication.SchemeName, null);
        if (oidc is null) return builder;
        services.AddSingleton(oidc).AddSingleton<OidcTokens>();
        return builder.AddScheme<AuthenticationSchemeOptions, TokenAuthentication>(SchemeName, null)
            .AddPolicyScheme(Either, null, o => o.ForwardDefaultSelector = context => IsToken(context.Request) ? SchemeName : KeyAuthentication.SchemeName);
    }

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        ClaimsIdentity claims;
        try
        {
            claims = await tokens.ValidateAsync(Request.Headers.Authorization.ToString()[Prefix.Length..].Trim(), Context.RequestAborted);
        }
        catch (OidcException e)
        {
            LogRefused(Logger, e.Message);
            return AuthenticateResult.Fail(e);
        }
        return await OidcCallers.FindAsync(new ClaimsPrincipal(claims), oidc, cache) is { } caller
            ? AuthenticateResult.Success(new AuthenticationTicket(CallerIdentity.Create(caller, null, SchemeName), SchemeName))
            : AuthenticateResult.Fail("The token gives no organisation and role, and its subject is nobody's member.");
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.StatusCode = StatusCodes.Status401Unauthorized;
        Response.Headers.WWWAuthenticate = "Bearer realm=\"FineTuneGrid\", error=\"invalid_token\"";
        return Task.CompletedTask;
    }

    /// <summary>Keys have no dots, tokens have two.</summary>
    private static bool IsToken(HttpRequest request) =>
        request.Headers.Authorization.ToString() is var header && header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && header.Contains('.', StringComparison.Ordinal);

    [LoggerMessage(LogLevel.Information, "A token was refused: {Why}")]
    private static partial void LogRefused(ILogger logger, string why);
}
