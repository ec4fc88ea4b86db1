using System.Net;
using System.Net.Sockets;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Grains;
using FineTuneGrid.Silo;
using FineTuneGrid.Storage;
using FineTuneGrid.Storage.Backups;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Dashboard;

namespace FineTuneGrid.Host;

/// <summary>Roles silo and gateway in one process, and the node agents beside it.</summary>
internal static class ControlHost
{
    /// <summary>What a stop may take, beside node agents that this process started; service managers must wait longer.</summary>
    internal static readonly TimeSpan ShutdownLimit = TimeSpan.FromSeconds(90);

    public static async Task RunAsync(HostOptions options)
    {
        using var directory = DataDirectoryLock.Acquire(options.Data);
        RequireFree(options.Bind, options.Port);
        var settings = HostSettings.Load(options.Data);
        var (store, blobs) = await settings.Storage.OpenAsync(options.Data, TimeProvider.System);
        await BackupRestore.RequireFinishedAsync(store);
        var place = SiloPlace.Of(options, settings.Cluster);
        var secrets = await GridSecrets.OpenAsync(settings.OpenVault(options.Data), options.Data);
        var samples = options.NoSamples ? null : SampleSet.Locate(options.Samples);

        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        HostLogging.Configure(builder.Logging, options);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(options.Bind, options.Port));
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(o => o.ShutdownTimeout = ShutdownLimit);
        builder.AddGridSilo(place.Silo(options, settings, blobs, secrets), store);
        var gateway = new GatewayOptions
        {
            Secrets = secrets.Gateway, Licenses = settings.Licenses, ImportRoots = [.. options.ImportRoots, .. samples is null ? (string[])[] : [samples.Folder]],
            RequestLimit = settings.FrontDoor.Limit, Oidc = settings.FrontDoor.Oidc,
        };
        settings.OpenAi.Apply(gateway);
        builder.AddGridGateway(gateway);
        builder.Services.AddSingleton<AgentProcesses>();
        builder.Services.AddSingleton<Gateway.Assets.IInspector>(new GatewayInspector(blobs, ChildPrograms.Inspector()));
        await using var app = builder.Build();
        app.MapGridGateway();
        app.MapOrleansDashboard(routePrefix: "/dashboard").RequireAuthorization(Policies.Dashboard);

        await RedisFaults.NamedAsync(settings.Cluster, () => app.StartAsync());
        await ReadyAsync(app, options, samples, place, secrets);
        await app.WaitForShutdownAsync();
        await app.Services.GetRequiredService<AgentProcesses>().StopAsync();
    }

    private static async Task ReadyAsync(WebApplication app, HostOptions options, SampleSet? samples, SiloPlace place, GridSecrets secrets)
    {
        var services = app.Services;
        var keys = services.GetRequiredService<ApiKeys>();
        await GatewayBootstrap.EnsureAdminAsync(services.GetRequiredService<IGrainFactory>(), keys, secrets.Gateway);
        if (samples is not null)
            await samples.RegisterOnceAsync(services.GetRequiredService<Gateway.Assets.AssetService>(), services.GetRequiredService<IBlobStore>(), options.Data);
        if (options.Roles.Contains("node"))
            services.GetRequiredService<AgentProcesses>().Start(options, place.NodePrefix, place.Cluster, new NodeTokens(secrets.Node));
        var address = app.Urls.First();
        Console.WriteLine($"ready {address}");
        if (place.Advertise is not null) Console.WriteLine($"nodes connect to {place.Cluster}");
        Console.WriteLine($"sign in once: {address}{services.GetRequiredService<SignInLinks>().Create(keys.Hash(secrets.Gateway.Admin)!)}");
    }

    /// <summary>Asked before anything starts, so that the refusal is one line and nothing has to be taken down again.</summary>
    private static void RequireFree(IPAddress address, int port)
    {
        using var listener = new TcpListener(address, port);
        try
        {
            listener.Start();
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new GridException(ErrorCodes.InUse, $"Port {port} of {address} is in use; choose another with --port.", "--port", inner: e);
        }
    }
}
