using System.Diagnostics;
using System.Net;
using FineTuneGrid.Agent;
using FineTuneGrid.Contracts.Inspection;
using FineTuneGrid.Silo;
using FineTuneGrid.Storage;
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

    public static async Task RunAsync(HostOptions options)
    {
        var blobRoot = Path.Combine(options.Data, "blobs");
        var token = (await File.ReadAllTextAsync(options.TokenFile!)).Trim();
        var builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = AppContext.BaseDirectory });
        ControlHost.Quiet(builder.Logging);
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
            NodeId = options.NodeName, Directory = Path.Combine(options.Data, "nodes", options.NodeName), Blobs = new BlobAccess(LocalRoot: blobRoot),
            Build = typeof(NodeHost).Assembly.GetName().Version!.ToString(3), Slots = options.Slots, Device = options.Device, Threads = options.Threads,
            TrainerCommand = ChildPrograms.Trainer(),
        }, new LocalBlobStore(blobRoot), () => RequestContext.Set(NodeTokens.ContextKey, token));
        using var host = builder.Build();
        if (options.Child) _ = FollowParentAsync(host.Services.GetRequiredService<IHostApplicationLifetime>());
        await host.RunAsync();
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
