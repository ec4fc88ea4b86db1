using FineTuneGrid.Orleans.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;

namespace FineTuneGrid.Orleans.Tests;

public sealed class HostingTests
{
    [Fact]
    public async Task StartupTask_RunsBeforeStartReturnsAndMayCallGrains()
    {
        string? incarnation = null;
        await using var silo = await TestSilo.StartAsync(builder => builder.AddStartupTask(async (services, _) =>
            incarnation = await services.GetRequiredService<IGrainFactory>().GetGrain<ILifeGrain>("s").Incarnation()));
        Assert.NotNull(incarnation);
        Assert.Equal(incarnation, await silo.Grains.GetGrain<ILifeGrain>("s").Incarnation());
    }

    [Fact]
    public async Task StartupTask_Fails_HostDoesNotStart()
    {
        var thrown = await Assert.ThrowsAnyAsync<Exception>(() => TestSilo.StartAsync(builder =>
            builder.AddStartupTask((_, _) => throw new InvalidDataException("bad start"))));
        Assert.Equal("bad start", thrown.GetBaseException().Message);
    }

    [Fact]
    public async Task LifecycleParticipant_StartsAndStopsInStages()
    {
        var silo = await TestSilo.StartAsync(builder =>
        {
            builder.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services =>
                new Participant(services.GetRequiredService<Journal>(), ServiceLifecycleStage.ApplicationServices, "application"));
            builder.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services =>
                new Participant(services.GetRequiredService<Journal>(), ServiceLifecycleStage.RuntimeStorageServices, "storage"));
        });
        var journal = silo.Journal;
        await silo.DisposeAsync();
        Assert.Equal(["storage starts", "application starts", "application stops", "storage stops"], journal.Entries);
    }

    [Fact]
    public async Task SiloWithoutClustering_IsRefused()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleans(silo => silo.AddMemoryGrainStorage("memory"));
        using var host = builder.Build();
        await Assert.ThrowsAnyAsync<Exception>(() => host.StartAsync());
    }

    [Fact]
    public async Task CollectionAge_BelowQuantum_IsRefused() =>
        await Assert.ThrowsAsync<OrleansConfigurationException>(() => TestSilo.StartAsync(builder =>
            builder.Configure<GrainCollectionOptions>(options => options.CollectionAge = TimeSpan.FromSeconds(1))));

#if GRID_AIRGAP
    // The full packages start all the same; the host has to check its ports itself.
    [Fact]
    public async Task GatewayPort_InUse_HostDoesNotStart()
    {
        await using var first = await TestSilo.StartAsync();
        var thrown = await Assert.ThrowsAsync<OrleansConfigurationException>(() => TestSilo.StartAsync(null, first.GatewayPort));
        Assert.Contains(first.GatewayPort.ToString(System.Globalization.CultureInfo.InvariantCulture), thrown.Message);
    }

    [Fact]
    public async Task RedisClustering_NeedsTheFullPackages_AndSaysSo()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleans(silo => silo.UseRedisClustering("localhost:6379"));
        using var host = builder.Build();
        var thrown = await Assert.ThrowsAsync<OrleansConfigurationException>(() => host.StartAsync());
        Assert.Contains("GridPackages=nuget", thrown.Message);
        var client = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        client.UseOrleansClient(orleans => orleans.UseRedisClustering("localhost:6379"));
        using var clientHost = client.Build();
        await Assert.ThrowsAsync<OrleansConfigurationException>(() => clientHost.StartAsync());
    }
#endif

    [Fact]
    public async Task ManagementGrain_ReportsSiloAndActivations()
    {
        await using var silo = await TestSilo.StartAsync();
        await silo.Grains.GetGrain<ILifeGrain>("m1").Incarnation();
        await silo.Grains.GetGrain<ILifeGrain>("m2").Incarnation();
        var management = silo.Grains.GetGrain<IManagementGrain>(0);
        var details = silo.Services.GetRequiredService<ILocalSiloDetails>();
        Assert.Equal(SiloStatus.Active, (await management.GetHosts(onlyActive: true))[details.SiloAddress]);
        var simple = await management.GetSimpleGrainStatistics();
        var ours = Assert.Single(simple, statistic => statistic.GrainType.Contains(nameof(LifeGrain), StringComparison.Ordinal));
        Assert.Equal(2, ours.ActivationCount);
        Assert.Equal(details.SiloAddress, ours.SiloAddress);
        var detailed = await management.GetDetailedGrainStatistics();
        Assert.Contains(detailed, statistic => statistic.GrainId == GrainId.Create("life", "m1"));
    }

    [Fact]
    public void GrainIds_FollowTheConventions()
    {
        var id = GrainId.Create("job", "ftjob-1");
        Assert.Equal("job/ftjob-1", id.ToString());
        Assert.Equal(id, GrainId.Parse("job/ftjob-1"));
        Assert.Equal("FF", GrainIdKeyExtensions.CreateIntegerKey(255).ToString());
        Assert.Throws<ArgumentException>(() => GrainId.Parse("nothing"));
    }

    [Fact]
    public async Task GetGrain_NoClassImplementsTheInterface_IsAnArgumentError()
    {
        await using var silo = await TestSilo.StartAsync();
        Assert.Throws<ArgumentException>(() => silo.Grains.GetGrain<IOrphanGrain>("x"));
    }

    public interface IOrphanGrain : IGrainWithStringKey
    {
        Task Nothing();
    }

    private sealed class Participant(Journal journal, int stage, string name) : ILifecycleParticipant<ISiloLifecycle>
    {
        public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(
            name,
            stage,
            _ => WriteAsync("starts"),
            _ => WriteAsync("stops"));

        private Task WriteAsync(string what)
        {
            journal.Write($"{name} {what}");
            return Task.CompletedTask;
        }
    }
}
