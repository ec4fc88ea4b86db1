using FineTuneGrid.Orleans.Tests.Support;
using FineTuneGrid.Silo;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime.Messaging;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans;

namespace FineTuneGrid.Orleans.Tests;

/// <summary>Clients over TCP: many calls on one connection, lost connections, other processes.</summary>
public sealed class ClientTests
{
    [Fact]
    public async Task Calls_ManyAtOnce_AreMultiplexed()
    {
        await using var silo = await TestSilo.StartAsync();
        using var client = await TestSilo.StartClientAsync(silo.GatewayPort);
        var grains = TestSilo.ClientOf(client);
        var held = grains.GetGrain<ITurnGrain>("held").Hold("gate");
        await silo.Journal.ExpectAsync("holding gate");
        var sums = await Task.WhenAll(Enumerable.Range(0, 200).Select(i =>
            grains.GetGrain<ITurnGrain>($"g{i % 10}").AddSlowly(1)));
        Assert.Equal(200, sums.Length);
        Assert.Equal(20, sums.Max());
        Assert.False(held.IsCompleted);
        silo.Journal.Open("gate");
        await held;
        await client.StopAsync();
    }

    [Theory]
    [InlineData(null)]
    [InlineData(true)]
#if GRID_AIRGAP
    // The original knows the types of assemblies with generated code whatever a filter says.
    [InlineData(false)]
#endif
    public async Task ListOfJsonValues_ArrivesUnlessAFilterForbidsItsType(bool? opinion)
    {
        var filter = new SpecFilter(opinion);
        await using var silo = await TestSilo.StartAsync(s => s.Services.AddSingleton<ITypeNameFilter>(filter));
        using var client = await TestSilo.StartClientAsync(silo.GatewayPort, c => c.Services.AddSingleton<ITypeNameFilter>(filter));
        var grain = TestSilo.ClientOf(client).GetGrain<IValueGrain>("list");
        if (opinion == false)
            Assert.Contains("not allowed", (await Assert.ThrowsAnyAsync<Exception>(() => grain.Specs(3))).ToString());
        else
            Assert.Equal(["s0", "s1", "s2"], (await grain.Specs(3)).Select(s => s.Name));
        await client.StopAsync();
    }

    private sealed class SpecFilter(bool? opinion) : ITypeNameFilter
    {
        public bool? IsTypeNameAllowed(string typeName, string assemblyName) => typeName == typeof(Spec).FullName ? opinion : null;
    }

    [Fact]
    public async Task LargeValue_ArrivesWhole()
    {
        await using var silo = await TestSilo.StartAsync();
        using var client = await TestSilo.StartClientAsync(silo.GatewayPort);
        var bytes = new byte[3_000_000];
        new Random(7).NextBytes(bytes);
        Assert.Equal(bytes, await TestSilo.ClientOf(client).GetGrain<IValueGrain>("big").EchoBytes(bytes));
        await client.StopAsync();
    }

    [Fact]
    public async Task ManagementGrain_FromAClient_Answers()
    {
        await using var silo = await TestSilo.StartAsync();
        using var client = await TestSilo.StartClientAsync(silo.GatewayPort);
        var management = TestSilo.ClientOf(client).GetGrain<IManagementGrain>(0);
        Assert.Equal(SiloStatus.Active, Assert.Single(await management.GetHosts(onlyActive: true)).Value);
        Assert.NotEmpty(await management.GetDetailedGrainStatistics());
        await client.StopAsync();
    }

    [Fact]
    public async Task SiloStops_PendingCallFails_AndTheClientFindsTheNextSilo()
    {
        var lost = new TaskCompletionSource();
        var silo = await TestSilo.StartAsync();
        using var client = await TestSilo.StartClientAsync(silo.GatewayPort, builder =>
        {
            builder.Configure<ClientMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(3));
            builder.AddClusterConnectionLostHandler((_, _) => lost.TrySetResult());
        });
        var grains = TestSilo.ClientOf(client);
        var pending = grains.GetGrain<ITurnGrain>("held").Hold("gate");
        await silo.Journal.ExpectAsync("holding gate");
        var journal = silo.Journal;
        var stopping = silo.DisposeAsync();
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => pending);
        Assert.True(failure is TimeoutException or SiloUnavailableException, failure.ToString());
        journal.Open("gate");
        await stopping;
        await lost.Task.WaitAsync(TimeSpan.FromSeconds(10));
        await Assert.ThrowsAnyAsync<ConnectionFailedException>(() => grains.GetGrain<ITurnGrain>("a").Name());

        await using var next = await TestSilo.StartAsync(null, silo.GatewayPort);
        Assert.Equal("a", await CallUntilConnectedAsync(() => grains.GetGrain<ITurnGrain>("a").Name()));
        await client.StopAsync();
    }

    [Fact]
    public async Task NoSilo_RetryFilterDecides()
    {
        var asked = 0;
        var failure = await Assert.ThrowsAsync<ConnectionFailedException>(() => TestSilo.StartClientAsync(FreePort.Take(), builder =>
            builder.UseConnectionRetryFilter((exception, _) =>
            {
                Assert.IsType<ConnectionFailedException>(exception);
                return Task.FromResult(++asked < 3);
            })));
        Assert.Equal(3, asked);
        Assert.NotNull(failure.Message);
    }

    [Fact]
    public async Task SiloComesLater_ClientWithFilterConnects()
    {
        var port = FreePort.Take();
        TestSilo? silo = null;
        using var client = await TestSilo.StartClientAsync(port, builder => builder.UseConnectionRetryFilter(async (_, _) =>
        {
            silo ??= await TestSilo.StartAsync(null, port);
            return true;
        }));
        Assert.Equal("k", await TestSilo.ClientOf(client).GetGrain<ITurnGrain>("k").Name());
        await client.StopAsync();
        await silo!.DisposeAsync();
    }

    [Fact]
    public async Task OtherCluster_IsRefused() =>
        await WithSiloAsync(async silo => await Assert.ThrowsAnyAsync<Exception>(() =>
            TestSilo.StartClientAsync(silo.GatewayPort, builder => builder
                .Configure<ClusterOptions>(options => options.ClusterId = "another")
                .UseConnectionRetryFilter((_, _) => Task.FromResult(false)))));

    [Fact]
    public async Task ClientInAnotherProcess_Calls() => await WithSiloAsync(async silo =>
    {
        using var client = new ChildProcess("client", silo.GatewayPort);
        Assert.Equal("spec 6 from-process", await client.ReadLineAsync());
        Assert.Equal(0, await client.WaitForExitAsync());
    });

    [Fact]
    public async Task SiloInAnotherProcess_Killed_CallsFailAndLaterSucceed()
    {
        var port = FreePort.Take();
        using var first = new ChildProcess("silo", port);
        Assert.Equal("ready", await first.ReadLineAsync());
        using var client = await TestSilo.StartClientAsync(port, builder =>
            builder.Configure<ClientMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(3)));
        var grain = TestSilo.ClientOf(client).GetGrain<ITurnGrain>("k");
        Assert.Equal("k", await grain.Name());
        var pending = grain.Hold("never opened");
        first.Kill();
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => pending);
        Assert.True(failure is TimeoutException or SiloUnavailableException or ConnectionFailedException, failure.ToString());

        using var second = new ChildProcess("silo", port);
        Assert.Equal("ready", await second.ReadLineAsync());
        Assert.Equal("k", await CallUntilConnectedAsync(() => grain.Name()));
        await client.StopAsync();
    }

    private static async Task WithSiloAsync(Func<TestSilo, Task> test)
    {
        await using var silo = await TestSilo.StartAsync();
        await test(silo);
    }

    // A client reconnects in its own time; until then calls fail at once.
    private static async Task<T> CallUntilConnectedAsync<T>(Func<Task<T>> call)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (true)
        {
            try
            {
                return await call();
            }
            catch (Exception exception) when (exception is ConnectionFailedException or SiloUnavailableException or TimeoutException)
            {
                Assert.False(limit.IsCancellationRequested, $"The client did not reconnect within 20 s: {exception}");
                await Task.Delay(50, CancellationToken.None);
            }
        }
    }
}
