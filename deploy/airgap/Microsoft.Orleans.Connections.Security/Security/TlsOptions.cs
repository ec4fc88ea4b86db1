using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;

namespace Orleans.Connections.Security;

/// <summary>Has the last word on the other side's certificate.</summary>
public delegate bool RemoteCertificateValidator(X509Certificate2 certificate, X509Chain? chain, SslPolicyErrors policyErrors);

/// <summary>Whether the other side must have a certificate.</summary>
public enum RemoteCertificateMode
{
    NoCertificate,
    AllowCertificate,
    RequireCertificate,
}

/// <summary>How connections are secured.</summary>
public class TlsOptions
{
    private TimeSpan _handshakeTimeout = TimeSpan.FromSeconds(10);

    /// <summary>This side's certificate, with its private key.</summary>
    public X509Certificate2? LocalCertificate { get; set; }

    public RemoteCertificateMode RemoteCertificateMode { get; set; } = RemoteCertificateMode.RequireCertificate;

    /// <summary>For a client: whether it must have a certificate itself.</summary>
    public RemoteCertificateMode ClientCertificateMode { get; set; } = RemoteCertificateMode.AllowCertificate;

    /// <summary>Default: no policy error is accepted.</summary>
    public RemoteCertificateValidator? RemoteCertificateValidation { get; set; }

    public SslProtocols SslProtocols { get; set; } = SslProtocols.Tls13 | SslProtocols.Tls12;

    public bool CheckCertificateRevocation { get; set; }

    /// <summary>Adjusts the settings of one connection, such as the name that the server is asked for.</summary>
    public Action<ConnectionContext, TlsClientAuthenticationOptions>? OnAuthenticateAsClient { get; set; }

    public TimeSpan HandshakeTimeout
    {
        get => _handshakeTimeout;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, TimeSpan.Zero);
            _handshakeTimeout = value;
        }
    }

    public void AllowAnyRemoteCertificate() => RemoteCertificateValidation = (_, _, _) => true;

    internal bool Accepts(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null)
            return RemoteCertificateMode != RemoteCertificateMode.RequireCertificate;
        return RemoteCertificateValidation is { } validation
            ? validation(certificate as X509Certificate2 ?? X509CertificateLoader.LoadCertificate(certificate.GetRawCertData()), chain, errors)
            : errors == SslPolicyErrors.None;
    }
}

/// <summary>Settings of one outgoing connection.</summary>
public class TlsClientAuthenticationOptions
{
    internal SslClientAuthenticationOptions Value { get; } = new() { TargetHost = "" };

    public string? TargetHost
    {
        get => Value.TargetHost;
        set => Value.TargetHost = value;
    }
}
