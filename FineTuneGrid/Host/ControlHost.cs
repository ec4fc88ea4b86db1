using System.Net;
using System.Net.Sockets;
using FineTuneGrid.Contracts;
using FineTuneGrid.Gateway;
using FineTuneGrid.Gateway.Access;
using FineTuneGrid.Grains;
using FineTuneGrid.Silo;
using FineTuneGrid.Storage;
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
    public const string NodeKeyFile = "node.key";

    public static async Task RunAsync(HostOptions options)
    {
        using var directory = DataDirectoryLock.Acquire(options.Data);
        RequireFree(options.Bind, options.Port);
        var (store, blobs) = await HostSettings.Load(options.Data).OpenAsync(options.Data, TimeProvider.System);
        var ports = new ClusterPorts(options.SiloPort ?? FreePort.Take(), options.ClusterPort ?? FreePort.Take());
        var nodeSecret = Silo.SecretFile.Ensure(Path.Combine(options.Data, NodeKeyFile));
        var samples = options.NoSamples ? null : SampleSet.Locate(options.Samples);

        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        HostLogging.Configure(builder.Logging, options);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(options.Bind, options.Port));
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(90));
        builder.AddGridSilo(new GridSiloOptions
        {
            Blobs = blobs, NodeSecret = nodeSecret, Advertise = options.Advertise, SiloPort = ports.Silo, GatewayPort = ports.Cluster, InspectorCommand = ChildPrograms.Inspector(),
            Grid = new GridOptions { NodeLease = TimeSpan.FromSeconds(options.LeaseSeconds), NodeRenew = TimeSpan.FromSeconds(options.LeaseSeconds / 5) },
        }, store);
        builder.AddGridGateway(new GatewayOptions
        {
            DataDirectory = options.Data, ImportRoots = [.. options.ImportRoots, .. samples is null ? (string[])[] : [samples.Folder]],
        });
        builder.Services.AddSingleton<AgentProcesses>();
        builder.Services.AddSingleton<Gateway.Assets.IInspector>(new GatewayInspector(blobs, ChildPrograms.Inspector()));
        await using var app = builder.Build();
        app.MapGridGateway();
        app.MapOrleansDashboard(routePrefix: "/dashboard").RequireAuthorization(Policies.Dashboard);

        await app.StartAsync();
        await ReadyAsync(app, options, samples, ports, nodeSecret);
        await app.WaitForShutdownAsync();
        await app.Services.GetRequiredService<AgentProcesses>().StopAsync();
    }

    private sealed record ClusterPorts(int Silo, int Cluster);

    private static async Task ReadyAsync(WebApplication app, HostOptions options, SampleSet? samples, ClusterPorts ports, byte[] nodeSecret)
    {
        var services = app.Services;
        var keys = services.GetRequiredService<ApiKeys>();
        await GatewayBootstrap.EnsureAdminAsync(services.GetRequiredService<IGrainFactory>(), keys, options.Data);
        if (samples is not null) await samples.RegisterOnceAsync(services.GetRequiredService<Gateway.Assets.AssetService>(), options.Data);
        if (options.Roles.Contains("node"))
            services.GetRequiredService<AgentProcesses>().Start(options, new IPEndPoint(options.Advertise ?? IPAddress.Loopback, ports.Cluster), new NodeTokens(nodeSecret));
        var address = app.Urls.First();
        Console.WriteLine($"ready {address}");
        if (options.Advertise is { } reach) Console.WriteLine($"nodes connect to {new IPEndPoint(reach, ports.Cluster)}");
        Console.WriteLine($"sign in once: {address}{services.GetRequiredService<SignInLinks>().Create(keys.Hash(AdminKey.Ensure(options.Data))!)}");
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
