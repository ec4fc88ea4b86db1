using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Connections.Security;

namespace Orleans;

public static class TlsConnectionBuilderExtensions
{
    public static void UseServerTls(this IConnectionBuilder builder, TlsOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.LocalCertificate is null)
            throw new ArgumentException("A server needs a certificate.", nameof(options));
        var logger = LoggerOf(builder);
        builder.Use(next => new TlsConnection(next, options, logger).AsServerAsync);
    }

    public static void UseClientTls(this IConnectionBuilder builder, TlsOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var logger = LoggerOf(builder);
        builder.Use(next => new TlsConnection(next, options, logger).AsClientAsync);
    }

    private static ILogger LoggerOf(IConnectionBuilder builder) => builder.ApplicationServices.GetRequiredService<ILoggerFactory>().CreateLogger<TlsConnection>();
}
