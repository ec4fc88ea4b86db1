using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace FineTuneGrid.Orleans.Tests.Support;

/// <summary>A certificate authority of one test.</summary>
internal sealed class TestAuthority : IDisposable
{
    private static readonly Oid Server = new("1.3.6.1.5.5.7.3.1");
    private static readonly Oid Client = new("1.3.6.1.5.5.7.3.2");

    private readonly DateTimeOffset _now = DateTimeOffset.UtcNow;
    private readonly X509Certificate2 _root;

    public TestAuthority(string name = "test authority")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        _root = request.CreateSelfSigned(_now.AddDays(-2), _now.AddDays(2));
    }

    public X509Certificate2 Root => _root;

    /// <summary>For a silo: it may be server and client.</summary>
    public X509Certificate2 Silo(TimeSpan? age = null) => Issue("silo", age, Server, Client);

    /// <summary>For a node agent: it may be a client only.</summary>
    public X509Certificate2 Node(TimeSpan? age = null) => Issue("node", age, Client);

    public void Dispose() => _root.Dispose();

    /// <param name="age">How long ago the certificate's one hour began; none: half an hour.</param>
    private X509Certificate2 Issue(string name, TimeSpan? age, params Oid[] usages)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. usages], false));
        var from = _now - (age ?? TimeSpan.FromMinutes(30));
        using var certificate = request.Create(_root, from, from.AddHours(1), RandomNumberGenerator.GetBytes(8));
        return certificate.CopyWithPrivateKey(key);
    }
}
