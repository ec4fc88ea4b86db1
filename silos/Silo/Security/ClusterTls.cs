using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Orleans;
using Orleans.Configuration;
using Orleans.Connections.Security;
using Orleans.Hosting;

namespace FineTuneGrid.Silo;

/// <summary>
/// Mutual TLS on the cluster's ports, under an authority of the cluster's own. What a certificate's owner may be is in its extended
/// key usage (RFC 5280, 4.2.1.12): a silo needs serverAuth and clientAuth, a node agent clientAuth alone, so that no node passes for
/// a silo. Names are not compared: members find each other by address.
/// </summary>
public sealed class ClusterTls
{
    private const string ServerAuth = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuth = "1.3.6.1.5.5.7.3.2";

    private readonly X509Certificate2 _certificate;
    private readonly X509Certificate2Collection _roots = [];
    private readonly X509Certificate2Collection _between = [];

    /// <param name="certificate">This process's, with its private key.</param>
    /// <param name="authority">Self-signed certificates are trusted; others complete chains to them.</param>
    public ClusterTls(X509Certificate2 certificate, X509Certificate2Collection authority)
    {
        _certificate = certificate;
        foreach (var one in authority)
            (IsSelfSigned(one) ? _roots : _between).Add(one);
    }

    /// <summary>Whether the authority names a root at all.</summary>
    public bool HasRoot => _roots.Count > 0;

    /// <summary>Why this process's own certificate would be refused by the others; null where it would not.</summary>
    public string? Fault(bool asSilo) =>
        FaultOf(_certificate, ClientAuth, "client authentication") ?? (asSilo ? FaultOf(_certificate, ServerAuth, "server authentication") : null);

    public void Secure(ISiloBuilder silo) => silo.Configure<SiloConnectionOptions>(connections =>
    {
        connections.ConfigureGatewayInboundConnection(c => c.UseServerTls(Peer(ClientAuth)));
        connections.ConfigureSiloInboundConnection(c => c.UseServerTls(Peer(ServerAuth)));
        connections.ConfigureSiloOutboundConnection(c => c.UseClientTls(Peer(ServerAuth)));
    });

    public void Secure(IClientBuilder client) =>
        client.Configure<ClientConnectionOptions>(connections => connections.ConfigureConnection(c => c.UseClientTls(Peer(ServerAuth))));

    private TlsOptions Peer(string usage) => new()
    {
        LocalCertificate = _certificate,
        RemoteCertificateMode = RemoteCertificateMode.RequireCertificate,
        ClientCertificateMode = RemoteCertificateMode.RequireCertificate,
        RemoteCertificateValidation = (certificate, _, _) => FaultOf(certificate, usage, usage) is null,
        OnAuthenticateAsClient = (_, client) => client.TargetHost = GridSiloExtensions.ServiceId,
    };

    private string? FaultOf(X509Certificate2 certificate, string usage, string named)
    {
        using var chain = new X509Chain();
        var policy = chain.ChainPolicy;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        policy.CustomTrustStore.AddRange(_roots);
        policy.ExtraStore.AddRange(_between);
        policy.RevocationMode = X509RevocationMode.NoCheck;
        policy.DisableCertificateDownloads = true;
        policy.ApplicationPolicy.Add(new Oid(usage));
        if (chain.Build(certificate)) return null;
        var problems = chain.ChainStatus.Select(s => s.Status).ToHashSet();
        if (problems.Contains(X509ChainStatusFlags.NotTimeValid)) return $"is valid from {certificate.NotBefore:u} to {certificate.NotAfter:u}";
        return problems.Contains(X509ChainStatusFlags.NotValidForUsage)
            ? $"is not for {named}"
            : $"does not come from the authority ({string.Join(", ", problems)})";
    }

    private static bool IsSelfSigned(X509Certificate2 certificate) => certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData);
}
