using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FineTuneGrid.Silo;
using Microsoft.Extensions.Configuration;

namespace FineTuneGrid.Host;

/// <summary>PEM files for mutual TLS on the cluster's ports: this process's certificate and private key, and the cluster's authority.</summary>
internal sealed record TlsSettings(string Certificate, string Key, string Authority)
{
    private static readonly string[] Keys = [SettingKeys.TlsCertificate, SettingKeys.TlsKey, SettingKeys.TlsAuthority];

    /// <summary>Null where none is set.</summary>
    /// <exception cref="Contracts.GridException">Some of the three are missing, or name no file.</exception>
    public static TlsSettings? Read(IConfiguration section)
    {
        var files = Keys.Select(key => SettingKeys.Text(section, key)).ToArray();
        if (files.All(f => f is null)) return null;
        for (var i = 0; i < Keys.Length; i++)
        {
            if (files[i] is null) throw SettingKeys.Bad(Keys[i], "must be set with the other two of TLS: a certificate, its key, and the cluster's authority");
            if (!File.Exists(files[i])) throw SettingKeys.Bad(Keys[i], $"names no file: {files[i]}");
        }
        return new TlsSettings(files[0]!, files[1]!, files[2]!);
    }

    /// <exception cref="Contracts.GridException">A file holds no PEM, the key is another certificate's, or the others would refuse the certificate.</exception>
    public ClusterTls Open(bool asSilo)
    {
        var authority = new X509Certificate2Collection();
        Try(SettingKeys.TlsAuthority, "holds no PEM certificate", () => authority.ImportFromPemFile(Authority));
        X509Certificate2? certificate = null;
        Try(SettingKeys.TlsCertificate, "and its key are no pair of PEM files", () => certificate = X509Certificate2.CreateFromPemFile(Certificate, Key));
        var tls = new ClusterTls(certificate!, authority);
        if (!tls.HasRoot) throw SettingKeys.Bad(SettingKeys.TlsAuthority, "names no self-signed certificate: it must hold the root that all others come from");
        return tls.Fault(asSilo) is { } fault ? throw SettingKeys.Bad(SettingKeys.TlsCertificate, $"would be refused by the other members: it {fault}") : tls;
    }

    private static void Try(string key, string fault, Action read)
    {
        try
        {
            read();
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw SettingKeys.Bad(key, $"{fault}: {e.Message.TrimEnd('.')}", e);
        }
    }
}
