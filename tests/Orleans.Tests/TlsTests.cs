using System.Security.Cryptography.X509Certificates;
using FineTuneGrid.Orleans.Tests.Support;
using Orleans.Connections.Security;
using Orleans.Hosting;

namespace FineTuneGrid.Orleans.Tests;

/// <summary>Clients and gateways under TLS with certificates on both sides.</summary>
public sealed class TlsTests : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly TestAuthority _other = new("another authority");

    public void Dispose()
    {
        _authority.Dispose();
        _other.Dispose();
    }

    [Fact]
    public async Task Calls_OfAClientThatTheSiloTrusts_AreAnswered()
    {
        await using var silo = await TestSilo.StartAsync(s => s.UseTls(o => Configure(o, _authority.Silo())));
        using var client = await TestSilo.StartClientAsync(silo.GatewayPort, c => c.UseTls(o => Configure(o, _authority.Node())));
        var grains = TestSilo.ClientOf(client);
        var sums = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => grains.GetGrain<ITurnGrain>($"g{i % 10}").AddSlowly(1)));
        Assert.Equal(10, sums.Max());
        Assert.Equal(["s0", "s1", "s2"], (await grains.GetGrain<IValueGrain>("list").Specs(3)).Select(s => s.Name));
        await client.StopAsync();
    }

    [Fact]
    public async Task Client_OfAnotherAuthority_IsRefused()
    {
        await using var silo = await TestSilo.StartAsync(s => s.UseTls(o => Configure(o, _authority.Silo())));
        await Assert.ThrowsAnyAsync<Exception>(() => TestSilo.StartClientAsync(silo.GatewayPort, c => c.UseTls(o =>
        {
            Configure(o, _other.Node());
            o.AllowAnyRemoteCertificate();
        }).UseConnectionRetryFilter(Once)));
    }

    [Fact]
    public async Task Client_WithoutTls_IsRefused()
    {
        await using var silo = await TestSilo.StartAsync(s => s.UseTls(o => Configure(o, _authority.Silo())));
        await Assert.ThrowsAnyAsync<Exception>(() => TestSilo.StartClientAsync(silo.GatewayPort, c => c.UseConnectionRetryFilter(Once)));
    }

    [Fact]
    public async Task Silo_OfAnotherAuthority_IsRefusedByTheClient()
    {
        await using var silo = await TestSilo.StartAsync(s => s.UseTls(o =>
        {
            Configure(o, _other.Silo());
            o.AllowAnyRemoteCertificate();
        }));
        await Assert.ThrowsAnyAsync<Exception>(() => TestSilo.StartClientAsync(silo.GatewayPort, c => c.UseTls(o => Configure(o, _authority.Node())).UseConnectionRetryFilter(Once)));
    }

    [Fact]
    public void Tls_WithoutACertificateOrItsKey_IsRefused()
    {
        Assert.Throws<InvalidOperationException>(() => TestSilo.BuildHost(1, 2, s => s.UseTls(_ => { })));
        using var noKey = X509CertificateLoader.LoadCertificate(_authority.Silo().RawData);
        Assert.Throws<ArgumentException>(() => TestSilo.BuildHost(1, 2, s => s.UseTls(o => o.LocalCertificate = noKey)));
    }

    private static Task<bool> Once(Exception exception, CancellationToken cancellationToken) => Task.FromResult(false);

    private void Configure(TlsOptions options, X509Certificate2 certificate)
    {
        options.LocalCertificate = certificate;
        options.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
        options.OnAuthenticateAsClient = (_, client) => client.TargetHost = "silo";
        options.RemoteCertificateValidation = (remote, _, _) =>
        {
            using var chain = new X509Chain();
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.Add(_authority.Root);
            chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            return chain.Build(remote);
        };
    }
}
