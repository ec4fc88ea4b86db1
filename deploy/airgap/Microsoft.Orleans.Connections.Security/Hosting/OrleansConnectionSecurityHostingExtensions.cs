using Orleans.Configuration;
using Orleans.Connections.Security;

namespace Orleans.Hosting;

public static class OrleansConnectionSecurityHostingExtensions
{
    /// <summary>All connections of the silo.</summary>
    /// <exception cref="InvalidOperationException">There is no certificate.</exception>
    public static ISiloBuilder UseTls(this ISiloBuilder builder, Action<TlsOptions> configureOptions)
    {
        var options = Read(configureOptions);
        if (options.LocalCertificate is null)
            throw new InvalidOperationException("No certificate specified");
        return builder.Configure<SiloConnectionOptions>(connections =>
        {
            connections.ConfigureSiloInboundConnection(builder => builder.UseServerTls(options));
            connections.ConfigureGatewayInboundConnection(builder => builder.UseServerTls(options));
            connections.ConfigureSiloOutboundConnection(builder => builder.UseClientTls(options));
        });
    }

    /// <summary>All connections of the client.</summary>
    /// <exception cref="InvalidOperationException">The client must have a certificate and has none.</exception>
    public static IClientBuilder UseTls(this IClientBuilder builder, Action<TlsOptions> configureOptions)
    {
        var options = Read(configureOptions);
        if (options.LocalCertificate is null && options.ClientCertificateMode == RemoteCertificateMode.RequireCertificate)
            throw new InvalidOperationException("No certificate specified");
        return builder.Configure<ClientConnectionOptions>(connections => connections.ConfigureConnection(builder => builder.UseClientTls(options)));
    }

    private static TlsOptions Read(Action<TlsOptions> configureOptions)
    {
        ArgumentNullException.ThrowIfNull(configureOptions);
        var options = new TlsOptions();
        configureOptions(options);
        if (options.LocalCertificate is { HasPrivateKey: false })
            throw new ArgumentException("The certificate has no private key.", nameof(configureOptions));
        return options;
    }
}
