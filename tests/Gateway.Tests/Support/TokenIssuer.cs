using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace FineTuneGrid.Gateway.Tests.Support;

/// <summary>An identity provider as far as others look at it: OpenID Connect discovery, its public key, and tokens (RFC 7519) made with the private one.</summary>
internal sealed class TokenIssuer : IAsyncDisposable
{
    private const string KeyId = "key-1";

    private readonly RSA _key = RSA.Create(2048);
    private WebApplication? _app;

    public Uri Address => new(_app!.Urls.First());

    public async Task StartAsync()
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = "Production" });
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.MapGet("/.well-known/openid-configuration", () => Results.Json(new { issuer = Address.AbsoluteUri.TrimEnd('/'), jwks_uri = new Uri(Address, "/keys").AbsoluteUri }));
        var numbers = _key.ExportParameters(false);
        _app.MapGet("/keys", () => Results.Json(new { keys = new[] { new { kty = "RSA", use = "sig", alg = "RS256", kid = KeyId, n = Base64Url(numbers.Modulus!), e = Base64Url(numbers.Exponent!) } } }));
        await _app.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _app!.DisposeAsync();
        _key.Dispose();
    }

    /// <summary>A token that is good for ten minutes.</summary>
    public string Token(string audience, Dictionary<string, object> claims) => Token(audience, claims, expires: DateTimeOffset.UtcNow.AddMinutes(10));

    /// <param name="issuer">Who it says it is from; default: this one.</param>
    public string Token(string audience, Dictionary<string, object> claims, Uri issuer) => Token(audience, claims, DateTimeOffset.UtcNow.AddMinutes(10), issuer: issuer);

    public string Token(string audience, Dictionary<string, object> claims, string algorithm) => Token(audience, claims, DateTimeOffset.UtcNow.AddMinutes(10), algorithm: algorithm);

    public string Token(string audience, Dictionary<string, object> claims, DateTimeOffset? expires, DateTimeOffset? begins = null, Uri? issuer = null, string algorithm = "RS256")
    {
        var all = new Dictionary<string, object>(claims) { ["iss"] = (issuer ?? Address).AbsoluteUri.TrimEnd('/'), ["aud"] = audience };
        if (expires is { } end) all["exp"] = end.ToUnixTimeSeconds();
        if (begins is { } begin) all["nbf"] = begin.ToUnixTimeSeconds();
        var text = $"{Json(new { alg = algorithm, typ = "JWT", kid = KeyId })}.{Json(all)}";
        return $"{text}.{Base64Url(Sign(algorithm, Encoding.ASCII.GetBytes(text)))}";
    }

    private byte[] Sign(string algorithm, byte[] text) => algorithm switch
    {
        "RS256" => _key.SignData(text, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
        "HS256" => HMACSHA256.HashData(_key.ExportSubjectPublicKeyInfo(), text),
        _ => [],
    };

    private static string Json(object value) => Base64Url(JsonSerializer.SerializeToUtf8Bytes(value));

    private static string Base64Url(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');
}
