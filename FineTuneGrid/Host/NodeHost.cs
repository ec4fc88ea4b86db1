using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using FineTuneGrid.Agent;
using FineTuneGrid.Contracts;
using FineTuneGrid.Silo;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;

namespace FineTuneGrid.Host;

/// <summary>Role node: an Orleans client with a token, and the trainers of this machine.</summary>
internal static class NodeHost
{
    private static readonly TimeSpan ShutdownLimit = TimeSpan.FromSeconds(70);
    private static readonly TimeSpan Reconnect = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan TokenLifetime = TimeSpan.FromDays(365);

    /// <summary>A token for an agent on another machine, signed with the installation's own key.</summary>
    public static string IssueToken(string data, string node)
    {
        var key = Path.Combine(data, ControlHost.NodeKeyFile);
        if (!File.Exists(key)) throw new GridException(ErrorCodes.NotFound, $"{data} has no {ControlHost.NodeKeyFile}: it is not the data directory of a grid that was started.", "--data");
        return new NodeTokens(Silo.SecretFile.Read(key)).Issue(node, TimeProvider.System.GetUtcNow() + TokenLifetime);
    }

    public static async Task RunAsync(HostOptions options)
    {
        var (store, blobs) = await HostSettings.Load(options.Data).OpenAsync(options.Data, TimeProvider.System);
        var token = (await File.ReadAllTextAsync(options.TokenFile!)).Trim();
        var builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = AppContext.BaseDirectory });
        HostLogging.Configure(builder.Logging, options);
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(o => o.ShutdownTimeout = ShutdownLimit);
        builder.UseOrleansClient(client =>
        {
            client.UseStaticClustering(IPEndPoint.Parse(options.Cluster!));
            client.Services.Configure<ClusterOptions>(o =>
            {
                o.ServiceId = GridSiloExtensions.ServiceId;
                o.ClusterId = "finetunegrid";
            });
            client.UseConnectionRetryFilter(async (_, ct) =>
            {
                await Task.Delay(Reconnect, ct);
                return true;
            });
            client.Services.AddGridSerializer();
        });
        builder.Services.AddNodeAgent(new AgentOptions
        {
            NodeId = options.NodeName, Directory = Path.Combine(options.Data, "nodes", options.NodeName), Blobs = blobs,
            Build = typeof(NodeHost).Assembly.GetName().Version!.ToString(3), Slots = options.Slots, Device = options.Device, Threads = options.Threads,
            TrainerCommand = ChildPrograms.Trainer(), TrainerHost = options.TrainerAddress ?? AddressTowards(IPEndPoint.Parse(options.Cluster!)),
        }, store, () => RequestContext.Set(NodeTokens.ContextKey, token));
        using var host = builder.Build();
        if (options.Child) _ = FollowParentAsync(host.Services.GetRequiredService<IHostApplicationLifetime>());
        await host.RunAsync();
    }

    /// <summary>The address that this machine has on the network of the silo: loopback where the silo runs on this machine alone.</summary>
    private static string AddressTowards(IPEndPoint silo)
    {
        using var socket = new Socket(silo.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.Connect(silo); // Of a datagram socket this only chooses the route: nothing is sent.
        return ((IPEndPoint)socket.LocalEndPoint!).Address.ToString();
    }

    /// <summary>
    /// A line on standard input asks for a peaceful end. Its end without one means that the host was killed: this agent goes the
    /// same way at once, and its trainers wait, within their lease, for the next agent.
    /// </summary>
    private static async Task FollowParentAsync(IHostApplicationLifetime lifetime)
    {
        // The console reads synchronously whatever the method is called.
        if (await Task.Run(Console.In.ReadLine) is null) Process.GetCurrentProcess().Kill();
        lifetime.StopApplication();
    }
}
