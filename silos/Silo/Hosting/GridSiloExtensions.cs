using System.Net;
using FineTuneGrid.Contracts;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Provenance;
using FineTuneGrid.Grains;
using FineTuneGrid.Grains.Housekeeping;
using FineTuneGrid.Grains.Jobs;
using FineTuneGrid.Grains.Planning;
using FineTuneGrid.Grains.Registry;
using FineTuneGrid.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Configuration;
using Orleans.Dashboard;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Runtime.Hosting;
using Orleans.Serialization;
using Orleans.Serialization.Cloning;

namespace FineTuneGrid.Silo;

/// <summary>Role <c>silo</c>: the grains and what they stand on.</summary>
public static class GridSiloExtensions
{
    public const string ServiceId = "finetunegrid";

    /// <summary>Adds the silo. The host keeps the store; services that are already registered stay.</summary>
    public static IHostApplicationBuilder AddGridSilo(this IHostApplicationBuilder builder, GridSiloOptions options, IBlobStore blobs)
    {
        options.Validate();
        var services = builder.Services;
        services.AddSingleton(blobs);
        services.AddSingleton(options.Blobs);
        services.AddSingleton(Options.Create(options.Grid));
        services.AddSingleton(new NodeTokens(options.NodeSecret));
        services.AddSingleton(_ => SigningKey.FromPem(options.SigningKey));
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IInspector>(_ => new InspectorRunner(options.InspectorCommand));
        services.TryAddSingleton<IJobCheckpoints, JobCheckpoints>();
        services.TryAddSingleton<IJobPlanner, NodePlanner>();
        services.AddSingleton<AssetFinder>().AddSingleton<InitAdapterCheck>().AddSingleton<JobResolver>();
        services.AddSingleton<JobPublisher>().AddSingleton<JobAnnouncer>().AddSingleton<JobEffectRunner>();
        services.AddHousekeeping();
        services.AddSingleton<IClusterMembers, ClusterMembers>();
        builder.UseOrleans(silo => Configure(silo, options));
        // After the silo: hosted services start in order.
        services.AddHostedService<PoolKeeper>();
        return builder;
    }

    /// <summary>Contract types cross connections as JSON, and calls within a process as they are. Used by silos and by clients.</summary>
    public static IServiceCollection AddGridSerializer(this IServiceCollection services) =>
        // The copier before the JSON serializer, which would copy the same types: the first that supports a type has it.
        services.AddSingleton<ITypeNameFilter, ContractTypes>().AddSingleton<IGeneralizedCopier, ContractCopier>()
            .AddSerializer(serializer => serializer.AddJsonSerializer(ContractTypes.Contains, GridJson.Options));

    private static void Configure(ISiloBuilder silo, GridSiloOptions options)
    {
        if (options.Redis is null)
            UseOneSilo(silo, options);
        else
            UseRedis(silo, options);
        options.Tls?.Secure(silo);
        silo.Services.AddGridSerializer();
        silo.Services.AddGrainStorage(GridStorage.Name, (services, _) => new BlobGrainStorage(services.GetRequiredService<IBlobStore>()));
        silo.AddDashboard(dashboard => dashboard.HideTrace = true);
        silo.AddIncomingGrainCallFilter<IncomingCallGuard>();
        silo.AddOutgoingGrainCallFilter<OutgoingCallStamp>();
    }

    /// <summary>One silo, which keeps the membership itself; node agents of other machines reach it where it advertises an address.</summary>
    private static void UseOneSilo(ISiloBuilder silo, GridSiloOptions options)
    {
        var self = new IPEndPoint(options.Advertise ?? IPAddress.Loopback, options.SiloPort);
        silo.UseLocalhostClustering(options.SiloPort, options.GatewayPort, self, options.ServiceId, options.ClusterId);
        if (options.Advertise is { } address) silo.ConfigureEndpoints(address, options.SiloPort, options.GatewayPort, listenOnAnyHostAddress: true);
    }

    /// <summary>Membership in Redis, for silos on several machines. Grain state stays in the blob store.</summary>
    private static void UseRedis(ISiloBuilder silo, GridSiloOptions options)
    {
        silo.Configure<ClusterOptions>(o => (o.ServiceId, o.ClusterId) = (options.ServiceId, options.ClusterId));
        if (options.Advertise is { } address)
            silo.ConfigureEndpoints(address, options.SiloPort, options.GatewayPort, listenOnAnyHostAddress: true);
        else
            silo.ConfigureEndpoints(IPAddress.Loopback, options.SiloPort, options.GatewayPort);
        silo.UseRedisClustering(options.Redis!);
        silo.Configure<ClusterMembershipOptions>(MembershipTimes.Apply);
        // Where these packages have no clustering there is no table, and the runtime refuses the configuration in its own words.
        if (silo.Services.All(s => s.ServiceType != typeof(IMembershipTable))) return;
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, JoinWatch>();
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, RowWatch>();
    }
}
