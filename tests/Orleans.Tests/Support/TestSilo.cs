using System.Net.Sockets;
using System.Net;
using FineTuneGrid.Silo;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Serialization;
using Orleans.Serialization.Cloning;
using Orleans;

namespace FineTuneGrid.Orleans.Tests.Support;

/// <summary>A silo in this process on free loopback ports, and clients of it.</summary>
public sealed class TestSilo : IAsyncDisposable
{
    private readonly IHost _host;

    private TestSilo(IHost host, int gatewayPort)
    {
        _host = host;
        GatewayPort = gatewayPort;
    }

    public int GatewayPort { get; }

    public IServiceProvider Services => _host.Services;

    public IGrainFactory Grains => Services.GetRequiredService<IGrainFactory>();

    public Journal Journal => Services.GetRequiredService<Journal>();

    public static async Task<TestSilo> StartAsync(Action<ISiloBuilder>? configure = null, int? gatewayPort = null)
    {
        var port = gatewayPort ?? FreePort.Take();
        var host = BuildHost(FreePort.Take(), port, configure);
        await host.StartAsync();
        return new TestSilo(host, port);
    }

    public static IHost BuildHost(int siloPort, int gatewayPort, Action<ISiloBuilder>? configure = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(siloPort, gatewayPort);
            silo.Configure<SiloMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(10));
            silo.AddMemoryGrainStorage("memory");
            silo.Services.AddSingleton<Journal>();
            AddJson(silo.Services);
            configure?.Invoke(silo);
        });
        return builder.Build();
    }

    public static async Task<IHost> StartClientAsync(int gatewayPort, Action<IClientBuilder>? configure = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.UseOrleansClient(client =>
        {
            client.UseLocalhostClustering(gatewayPort);
            client.Configure<ClientMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(10));
            AddJson(client.Services);
            configure?.Invoke(client);
        });
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }

    public static IClusterClient ClientOf(IHost host) => host.Services.GetRequiredService<IClusterClient>();

    public static void AddJson(IServiceCollection services) => services.AddSingleton<IGeneralizedCopier, SharingCopier>().AddSerializer(serializer =>
        serializer.AddJsonSerializer(type => type.IsDefined(typeof(JsonValueAttribute), false)));

    public Task StopAsync() => _host.StopAsync();

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }
}

/// <summary>Marks the test types that travel as JSON.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct)]
public sealed class JsonValueAttribute : Attribute;

/// <summary>Marks the test types that calls within a process share.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class SharedValueAttribute : Attribute;

internal sealed class SharingCopier : IGeneralizedCopier, IOptionalDeepCopier
{
    public bool IsSupportedType(Type type) => type.IsDefined(typeof(SharedValueAttribute), false);

    public bool IsShallowCopyable() => true;

    public object? DeepCopy(object? input, CopyContext context) => input;
}
