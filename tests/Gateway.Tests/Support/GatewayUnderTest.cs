using FineTuneGrid.Contracts.Licensing;
using FineTuneGrid.Contracts.Provenance;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Gateway.Assets;
using FineTuneGrid.Grains;
using FineTuneGrid.Silo;
using FineTuneGrid.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans;

namespace FineTuneGrid.Gateway.Tests.Support;

/// <summary>The front door before real grains, a real store and the real inspector process, on a free port and a folder of its own.</summary>
public sealed class GatewayUnderTest : IAsyncLifetime
{
    public const string Acme = "acme";
    public const string Globex = "globex";
    public const int OpenAiFileBytes = 12 << 20;

    /// <summary>Webhooks may go here, but are sent when a test says so.</summary>
    public const string WebhookHost = "localhost";

    private LocalBlobStore? _store;

    /// <summary>For a gateway that is not as the shared one.</summary>
    public Action<GatewayOptions>? Configure { get; init; }

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("ftg-gateway-").FullName;

    /// <summary>From here an admin may import.</summary>
    public string ImportRoot => Path.Combine(Directory, "import");

    public WebApplication App { get; private set; } = null!;

    public Uri Address => new(App.Urls.First());

    public HttpClient Admin { get; private set; } = null!;

    public HttpClient Member { get; private set; } = null!;

    public HttpClient Reader { get; private set; } = null!;

    /// <summary>A member of another organisation.</summary>
    public HttpClient Stranger { get; private set; } = null!;

    public HttpClient Nobody { get; private set; } = null!;

    public HttpClient Revoked { get; private set; } = null!;

    /// <summary>A policy that no other test's licences meet.</summary>
    private static LicensePolicy Licenses => new([
        new LicenseRule("sealed-*", null, [LicenseGate.Pull], "It stays in the house."), new LicenseRule(null, "refused-*", [LicenseGate.Submit], "Its source does not allow it.")]);

    public string AdminSecret => File.ReadAllText(Path.Combine(Directory, AdminKey.FileName)).Trim();

    public async Task InitializeAsync()
    {
        System.IO.Directory.CreateDirectory(ImportRoot);
        _store = new LocalBlobStore(Path.Combine(Directory, "blobs"));
        var access = BlobAccessIssuer.Local(_store.Root);
        IReadOnlyList<string> inspector = ["dotnet", Path.Combine(AppContext.BaseDirectory, "FineTuneGrid.Inspector.dll")];
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory, EnvironmentName = "Production" });
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.AddGridSilo(new GridSiloOptions
        {
            Blobs = access, NodeSecret = RandomNumberGenerator.GetBytes(32), SigningKey = SigningKey.CreatePem(), SiloPort = FreePort.Take(), GatewayPort = FreePort.Take(), InspectorCommand = inspector,
            Grid = new GridOptions { PoolTick = TimeSpan.FromMilliseconds(200), EffectRetry = TimeSpan.FromMilliseconds(200) },
        }, _store);
        var secrets = GatewaySecrets.InFolder(Directory);
        var options = new GatewayOptions
        {
            Secrets = secrets, Licenses = Licenses, ImportRoots = [ImportRoot], MaxFileBytes = 64 << 20, MaxOpenAiFileBytes = OpenAiFileBytes,
            WebhookHosts = [WebhookHost], WebhookPoll = TimeSpan.FromDays(1),
        };
        Configure?.Invoke(options);
        builder.AddGridGateway(options);
        builder.Services.AddSingleton<IInspector>(new ProcessInspector(access, inspector));
        App = builder.Build();
        App.MapGridGateway();
        await App.StartAsync();
        await GatewayBootstrap.EnsureAdminAsync(App.Services.GetRequiredService<IGrainFactory>(), App.Services.GetRequiredService<ApiKeys>(), secrets);
        Admin = Client(AdminSecret);
        Nobody = Client(null);
        Member = Client((await KeyAsync("member", Acme)).Secret);
        Reader = Client((await KeyAsync("reader", Acme)).Secret);
        Stranger = Client((await KeyAsync("member", Globex)).Secret);
        var (id, secret) = await KeyAsync("admin", Acme);
        Revoked = Client(secret);
        (await Admin.DeleteAsync($"/api/v1/keys/{id}")).EnsureSuccessStatusCode();
    }

    public async Task DisposeAsync()
    {
        foreach (var client in (HttpClient[])[Admin, Member, Reader, Stranger, Nobody, Revoked]) client.Dispose();
        await App.DisposeAsync();
        _store?.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    /// <summary>Follows no redirect and keeps no cookie: a test sees what was answered.</summary>
    public HttpClient Client(string? secret)
    {
        var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = Address, Timeout = TimeSpan.FromSeconds(60) };
        if (secret is not null) client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", secret);
        return client;
    }

    public async Task<(string Id, string Secret)> KeyAsync(string role, string? org)
    {
        var made = await Admin.PostAsJsonAsync("/api/v1/keys", new { name = $"{role} of {org}", org, role }).JsonAsync(HttpStatusCode.Created);
        return (made.GetProperty("key").GetProperty("id").GetString()!, made.GetProperty("secret").GetString()!);
    }

    private sealed class ProcessInspector(BlobAccessIssuer blobs, IReadOnlyList<string> command) : IInspector
    {
        private readonly InspectorLauncher _launcher = new(command);

        public BlobAccess Blobs => blobs.Issue();

        public Task<InspectorReply> RunAsync(InspectorRequest request, CancellationToken ct) => _launcher.RunAsync(request, ct);
    }
}

[CollectionDefinition(Name)]
public sealed class GatewayCollection : ICollectionFixture<GatewayUnderTest>
{
    public const string Name = "gateway";
}
