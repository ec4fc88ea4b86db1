using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using FineTuneGrid.EndToEnd;
using FineTuneGrid.Orleans.Tests.Support;
using FineTuneGrid.Silo;

namespace FineTuneGrid.Cluster;

/// <summary>Mutual TLS on the cluster's ports, in real processes.</summary>
public sealed class TlsTests : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly TestAuthority _other = new("another authority");
    private readonly string _files = Directory.CreateTempSubdirectory("ftg-tls-").FullName;

    public void Dispose()
    {
        _authority.Dispose();
        _other.Dispose();
        Directory.Delete(_files, recursive: true);
    }

    [Fact]
    public async Task Nodes_UnderTheAuthority_JoinAndOthersAreTurnedAway()
    {
        var port = FreePort.Take();
        var shared = Directory.CreateDirectory(Path.Combine(_files, "blobs")).FullName;
        var control = Settings("silo", _authority.Silo());
        control["FTG__Storage__Folder"] = shared;
        await using var grid = await GridProcess.StartAsync(["--cluster-port", $"{port}"], control);
        var node = Settings("node", _authority.Node());
        node["FTG__Storage__Folder"] = shared;
        await using var far = await NodeProcess.StartAsync("gpu-1", grid, node, "--cluster", $"127.0.0.1:{port}");

        // The agent that the host started itself, and the one of another machine.
        await Eventually.Seen(async () => (await grid.GetAsync("/api/v1/nodes")).Ok().Json.GetProperty("data").GetArrayLength() == 2 ? "two" : null,
            "both nodes alive", () => grid.Log + far.Log);
        await IsTurnedAwayAsync(grid, port, null);
        await IsTurnedAwayAsync(grid, port, _other.Node());
        await IsTurnedAwayAsync(grid, port, _authority.Node(age: TimeSpan.FromHours(2)));
    }

    [Fact]
    public async Task Certificate_ThatOthersWouldRefuse_IsNamedAtTheStart()
    {
        await IsRefusedAsync(Settings("a", _authority.Node()), "FTG__Tls__Certificate would be refused by the other members: it is not for server authentication");
        await IsRefusedAsync(Settings("b", _other.Silo()), "FTG__Tls__Certificate would be refused by the other members: it does not come from the authority");
        await IsRefusedAsync(Settings("c", _authority.Silo(age: TimeSpan.FromHours(2))), "FTG__Tls__Certificate would be refused by the other members: it is valid from");
    }

    [Fact]
    public async Task TlsFiles_ThatCannotBe_AreNamedAtTheStart()
    {
        var settings = Settings("a", _authority.Silo());
        await IsRefusedAsync(new(settings) { ["FTG__Tls__Key"] = Settings("b", _authority.Silo())["FTG__Tls__Key"] }, "FTG__Tls__Certificate and its key are no pair of PEM files");
        await IsRefusedAsync(new(settings) { ["FTG__Tls__Authority"] = settings["FTG__Tls__Key"] }, "FTG__Tls__Authority");
        await IsRefusedAsync(new(settings) { ["FTG__Tls__Authority"] = settings["FTG__Tls__Certificate"] }, "FTG__Tls__Authority names no self-signed certificate");
        settings.Remove("FTG__Tls__Key");
        await IsRefusedAsync(settings, "FTG__Tls__Key must be set with the other two of TLS");
    }

    private static async Task IsRefusedAsync(Dictionary<string, string> settings, string why) =>
        Assert.StartsWith($"error: The setting {why}", await Refusal.OfAsync(settings), StringComparison.Ordinal);

    private Dictionary<string, string> Settings(string name, X509Certificate2 certificate) => new()
    {
        ["FTG__Tls__Certificate"] = Write($"{name}.pem", certificate.ExportCertificatePem()),
        ["FTG__Tls__Key"] = Write($"{name}.key", certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()),
        ["FTG__Tls__Authority"] = Write("authority.pem", _authority.Root.ExportCertificatePem()),
    };

    private string Write(string name, string text)
    {
        var path = Path.Combine(_files, name);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>The silo says that it refused, since for TLS 1.3 a client's own part of the handshake ends before that.</summary>
    private static async Task IsTurnedAwayAsync(GridProcess grid, int port, X509Certificate2? certificate)
    {
        var before = Refusals(grid);
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, port);
        await using var tls = new SslStream(socket.GetStream());
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "finetunegrid", ClientCertificates = certificate is null ? [] : [certificate], RemoteCertificateValidationCallback = (_, _, _, _) => true,
                ApplicationProtocols = [new SslApplicationProtocol("Orleans1")],
            });
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            // Older versions of TLS say it here already.
        }
        await Eventually.Seen(() => Refusals(grid) > before ? "refused" : null, "the silo's refusal of the certificate", () => grid.Log);
    }

    private static int Refusals(GridProcess grid) =>
        grid.Lines.Count(l => l.Contains("TLS handshake", StringComparison.Ordinal) || l.Contains("Authentication failed", StringComparison.OrdinalIgnoreCase));
}
