using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Silo;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;

namespace FineTuneGrid.Cluster;

/// <summary>What a client of the cluster reaches that holds a node's token, or none.</summary>
[Collection(TwoSilos.Name)]
public sealed class GuardTests(TwoSilos cluster)
{
    [Fact]
    public async Task Client_WithANodesToken_ReachesThatNodesGrainOnly()
    {
        using var host = await ConnectAsync();
        var grains = host.Services.GetRequiredService<IGrainFactory>();
        var token = (await File.ReadAllTextAsync(cluster.Node.TokenFile)).Trim();
        Assert.NotNull(await AskAsync(token, () => grains.GetGrain<INodeGrain>("gpu-1").Get()));
        foreach (var (name, call) in Forbidden(grains))
        {
            Assert.True(await RefusedAsync(token, call) == ErrorCodes.Forbidden, name);
            Assert.True(await RefusedAsync(null, call) == ErrorCodes.Unauthenticated, name);
            Assert.True(await RefusedAsync(token[..^1] + (token[^1] == '0' ? '1' : '0'), call) == ErrorCodes.Unauthenticated, name);
        }
        await host.StopAsync();
    }

    private static IEnumerable<(string Name, Func<Task> Call)> Forbidden(IGrainFactory grains) =>
    [
        ("another node", () => grains.GetGrain<INodeGrain>("gpu-2").Get()),
        ("what is for the control plane", () => grains.GetGrain<INodeGrain>("gpu-1").Drain(true)),
        ("the pool", () => grains.GetGrain<IPoolGrain>(PoolKeys.Default).Queues()),
        ("the keys", () => grains.GetGrain<IDirectoryGrain>(DirectoryKeys.Default).Keys()),
        ("a job", () => grains.GetGrain<IJobGrain>("job-1").Wake()),
        ("management", () => grains.GetGrain<IManagementGrain>(0).GetHosts()),
    ];

    private static async Task<T> AskAsync<T>(string? token, Func<Task<T>> call)
    {
        if (token is not null) RequestContext.Set(NodeTokens.ContextKey, token);
        return await call();
    }

    private static async Task<string> RefusedAsync(string? token, Func<Task> call) => (await Assert.ThrowsAsync<GridException>(() => AskAsync(token, async () =>
    {
        await call();
        return true;
    }))).Code;

    private async Task<IHost> ConnectAsync()
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder();
        builder.UseOrleansClient(client =>
        {
            client.UseRedisClustering(cluster.Environment["FTG__Clustering__Redis"]);
            client.Services.Configure<ClusterOptions>(o => (o.ServiceId, o.ClusterId) = (GridSiloExtensions.ServiceId, cluster.Environment["FTG__Clustering__ClusterId"]));
            client.Services.AddGridSerializer();
        });
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }
}
