using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Orleans.Runtime.Messaging;

namespace Orleans.Connections.Security;

/// <summary>Puts TLS between a connection's socket and what reads its frames. A connection whose handshake fails ends here.</summary>
internal sealed partial class TlsConnection(ConnectionDelegate next, TlsOptions options, ILogger logger)
{
    public Task AsServerAsync(ConnectionContext context) => RunAsync(context, (stream, cancellationToken) => stream.AuthenticateAsServerAsync(
        new SslServerAuthenticationOptions
        {
            ServerCertificate = options.LocalCertificate,
            ClientCertificateRequired = options.RemoteCertificateMode != RemoteCertificateMode.NoCertificate,
            EnabledSslProtocols = options.SslProtocols,
            CertificateRevocationCheckMode = Revocation,
        },
        cancellationToken));

    public Task AsClientAsync(ConnectionContext context) => RunAsync(context, (stream, cancellationToken) =>
    {
        var client = new TlsClientAuthenticationOptions();
        client.Value.ClientCertificates = options.LocalCertificate is { } certificate ? [certificate] : null;
        client.Value.EnabledSslProtocols = options.SslProtocols;
        client.Value.CertificateRevocationCheckMode = Revocation;
        options.OnAuthenticateAsClient?.Invoke(context, client);
        return stream.AuthenticateAsClientAsync(client.Value, cancellationToken);
    });

    private X509RevocationMode Revocation => options.CheckCertificateRevocation ? X509RevocationMode.Online : X509RevocationMode.NoCheck;

    private async Task RunAsync(ConnectionContext context, Func<SslStream, CancellationToken, Task> shakeHands)
    {
        var plain = context.Transport;
        await using var secured = new SslStream(
            new ConnectionStream(plain), leaveInnerStreamOpen: false, (_, certificate, chain, errors) => options.Accepts(certificate, chain, errors));
        using (var limit = new CancellationTokenSource(options.HandshakeTimeout))
        {
            try
            {
                await shakeHands(secured, limit.Token);
            }
            catch (Exception exception)
            {
                LogRefused(exception, context.RemoteEndPoint, exception.Message);
                return;
            }
        }
        try
        {
            context.Transport = new StreamPipes(secured);
            await next(context);
        }
        finally
        {
            context.Transport = plain;
        }
    }

    [LoggerMessage(LogLevel.Warning, "The TLS handshake with {Remote} failed: {Reason}")]
    private partial void LogRefused(Exception exception, System.Net.EndPoint? remote, string reason);
}
