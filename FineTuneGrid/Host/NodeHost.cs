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
    /// <summary>What a stop may take: trainers save first. Service managers must wait longer.</summary>
    internal static readonly TimeSpan ShutdownLimit = TimeSpan.FromSeconds(70);

    private static readonly TimeSpan Reconnect = TimeSpan.FromSeconds(1);

    /// <summary>How long a silo that did not answer is left alone, and how old the list of silos may be.</summary>
    private static readonly TimeSpan Refresh = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan TokenLifetime = TimeSpan.FromDays(365);

    /// <summary>A token for an agent on another machine, signed with the installation's own key.</summary>
    public static async Task<string> IssueTokenAsync(string data, string node)
    {
        var key = await HostSettings.Load(data).OpenVault(data).FindAsync(GridSecrets.NodeKeyFile)
            ?? throw new GridException(ErrorCodes.NotFound, $"{data} has no {GridSecrets.NodeKeyFile}: it is not the data directory of a grid that was started.", "--data");
        return new NodeTokens(GridSecrets.Decode(GridSecrets.NodeKeyFile, key)).Issue(node, TimeProvider.System.GetUtcNow() + TokenLifetime);
    }

    public static async Task RunAsync(HostOptions options)
    {
        var settings = HostSettings.Load(options.Data);
        var (store, blobs) = await settings.Storage.OpenAsync(options.Data, TimeProvider.System);
        var token = (await File.ReadAllTextAsync(options.TokenFile!)).Trim();
        var builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = AppContext.BaseDirectory });
        HostLogging.Configure(builder.Logging, options);
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(o => o.ShutdownTimeout = ShutdownLimit);
        var tls = settings.Tls?.Open(asSilo: false);
        builder.UseOrleansClient(client =>
        {
            tls?.Secure(client);
            FindSilos(client, options, settings.Cluster);
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
            TrainerCommand = ChildPrograms.Trainer(), TrainerHost = options.TrainerAddress ?? AddressTowards(options, settings.Cluster),
        }, store, () => RequestContext.Set(NodeTokens.ContextKey, token));
        if (options.Child) builder.Services.AddSingleton<IHostLifetime, ParentLifetime>();
        using var host = builder.Build();
        var stopping = host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        try
        {
            await RedisFaults.NamedAsync(settings.Cluster, () => host.RunAsync());
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Asked to end before it found a silo: it had nothing to give back.
        }
    }

    /// <summary>In Redis, which knows all that live now; else at the addresses of the command line. Either is looked at anew all the time.</summary>
    private static void FindSilos(IClientBuilder client, HostOptions options, ClusterSettings cluster)
    {
        if (cluster.Redis is { } redis)
            client.UseRedisClustering(redis);
        else if (options.Cluster.Count > 0)
            client.UseStaticClustering([.. options.Cluster]);
        else
            throw new GridException(ErrorCodes.InvalidValue, $"--cluster must be ADDRESS:PORT of silos where the role is node alone, unless {SettingKeys.Variable(SettingKeys.Redis)} is set.", "--cluster");
        client.Services.Configure<ClusterOptions>(o => (o.ServiceId, o.ClusterId) = (cluster.ServiceId, cluster.ClusterId));
        client.Services.Configure<GatewayOptions>(o => o.GatewayListRefreshPeriod = Refresh);
    }

    /// <summary>The address that this machine has on the network of the silos, or of Redis: loopback where they run on this machine alone.</summary>
    private static string AddressTowards(HostOptions options, ClusterSettings cluster)
    {
        var (host, port) = options.Cluster is [var silo, ..] ? (silo.Address.ToString(), silo.Port) : cluster.RedisServer;
        using var socket = new Socket(SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.Connect(host, port); // Of a datagram socket this only chooses the route: nothing is sent.
        }
        catch (SocketException e)
        {
            throw new GridException(ErrorCodes.InvalidValue, $"There is no way from this machine to {host}: {e.Message.TrimEnd('.')}; --trainer-address says where others reach its trainers.", "--trainer-address", inner: e);
        }
        var mine = ((IPEndPoint)socket.LocalEndPoint!).Address;
        return (mine.IsIPv4MappedToIPv6 ? mine.MapToIPv4() : mine).ToString();
    }
}
