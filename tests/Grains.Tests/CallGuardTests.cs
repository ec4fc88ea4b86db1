using System.Net;
using System.Security.Cryptography;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Grains.Tests.Support;
using FineTuneGrid.Silo;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;

namespace FineTuneGrid.Grains.Tests;

/// <summary>What a client on the cluster's port can reach, with a token and without.</summary>
public sealed class CallGuardTests : IAsyncLifetime
{
    private TestGrid _grid = null!;
    private IHost _client = null!;

    public async Task InitializeAsync()
    {
        _grid = await TestGrid.StartAsync();
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.UseOrleansClient(client =>
        {
            client.UseStaticClustering(new IPEndPoint(IPAddress.Loopback, _grid.GatewayPort));
            client.Services.Configure<ClusterOptions>(o => (o.ServiceId, o.ClusterId) = (GridSiloExtensions.ServiceId, "finetunegrid"));
            client.Services.AddGridSerializer();
        });
        _client = builder.Build();
        await _client.StartAsync();
    }

    public async Task DisposeAsync()
    {
        RequestContext.Clear();
        await _client.StopAsync();
        _client.Dispose();
        await _grid.DisposeAsync();
    }

    [Fact]
    public async Task Client_WithItsToken_ReachesItsNode()
    {
        Present(Token("n1"));
        var welcome = await Grain<INodeGrain>("n1").Register(Registration("n1"));
        Assert.Equal(15, welcome.LeaseSeconds);
    }

    [Fact]
    public async Task Client_WithoutToken_IsRefusedEverywhere()
    {
        await RefusedAsync(ErrorCodes.Unauthenticated, () => Grain<INodeGrain>("n1").Get());
        await RefusedAsync(ErrorCodes.Unauthenticated, () => Grain<IDirectoryGrain>(DirectoryKeys.Default).Keys());
        await RefusedAsync(ErrorCodes.Unauthenticated, () => Grain<IPoolGrain>(PoolKeys.Default).Queues());
    }

    [Fact]
    public async Task Client_WithItsToken_ReachesNothingElse()
    {
        Present(Token("n1"));
        await RefusedAsync(ErrorCodes.Forbidden, () => Grain<INodeGrain>("n2").Register(Registration("n2")));
        await RefusedAsync(ErrorCodes.Forbidden, () => Grain<INodeGrain>("n1").Send(new StopSession("s", true, "x")));
        await RefusedAsync(ErrorCodes.Forbidden, () => Grain<INodeGrain>("n1").Drain(true));
        await RefusedAsync(ErrorCodes.Forbidden, () => Grain<IJobGrain>("job-1").Cancel());
        await RefusedAsync(ErrorCodes.Forbidden, () => Grain<IDirectoryGrain>(DirectoryKeys.Default).Keys());
    }

    [Fact]
    public async Task Client_WithForgedOrExpiredToken_IsRefused()
    {
        var strange = new NodeTokens(RandomNumberGenerator.GetBytes(32)).Issue("n1", DateTimeOffset.UtcNow.AddDays(1));
        var expired = new NodeTokens(_grid.Secret).Issue("n1", DateTimeOffset.UtcNow.AddSeconds(-1));
        foreach (var token in new[] { strange, expired, "ftgn_x", "", Token("n1")[..^1] + "z" })
        {
            Present(token);
            await RefusedAsync(ErrorCodes.Unauthenticated, () => Grain<INodeGrain>("n1").Get());
        }
    }

    [Fact]
    public async Task Client_ThatGuessesTheStamp_IsRefused()
    {
        RequestContext.Set(OutgoingCallStamp.ContextKey, new string('0', 64));
        await RefusedAsync(ErrorCodes.Unauthenticated, () => Grain<IDirectoryGrain>(DirectoryKeys.Default).Keys());
    }

    private T Grain<T>(string key) where T : IGrainWithStringKey => _client.Services.GetRequiredService<IClusterClient>().GetGrain<T>(key);

    private string Token(string node) => new NodeTokens(_grid.Secret).Issue(node, DateTimeOffset.UtcNow.AddHours(1));

    private static void Present(string token) => RequestContext.Set(NodeTokens.ContextKey, token);

    private static async Task RefusedAsync(string code, Func<Task> call) => Assert.Equal(code, (await Assert.ThrowsAsync<GridException>(call)).Code);

    private static NodeRegistration Registration(string node) => new(node, "i1", "host", "test", [], []);
}
