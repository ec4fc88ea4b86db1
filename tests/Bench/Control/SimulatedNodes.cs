using System.Net;
using FineTuneGrid.Contracts.Grains;
using FineTuneGrid.Contracts.Nodes;
using FineTuneGrid.Silo;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;

namespace FineTuneGrid.Bench.Control;

/// <summary>
/// Nodes without machines: each registers with its own token, renews its lease and asks for commands as an agent does, and has
/// nothing to train. Several share a connection.
/// </summary>
internal sealed class SimulatedNodes(IPEndPoint silo, NodeTokens tokens) : IAsyncDisposable
{
    private const double PollSeconds = 10;
    private const long SlotMemory = 8L << 30;

    private readonly List<IHost> _clients = [];
    private readonly List<Task> _lives = [];
    private readonly CancellationTokenSource _stop = new();
    private long _renewals;
    private long _polls;
    private long _faults;

    public long Renewals => Interlocked.Read(ref _renewals);

    public long Polls => Interlocked.Read(ref _polls);

    /// <summary>Calls that failed; none is expected.</summary>
    public long Faults => Interlocked.Read(ref _faults);

    /// <summary>Returns when all are registered.</summary>
    public async Task StartAsync(int nodes, int connections, int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < connections; i++) _clients.Add(await ConnectAsync());
        var registered = new List<Task>();
        for (var i = 0; i < nodes; i++)
        {
            var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            registered.Add(ready.Task);
            _lives.Add(LiveAsync($"simulated-{i + 1}", _clients[i % connections].Services.GetRequiredService<IClusterClient>(), random.NextDouble(), ready));
        }
        await Task.WhenAll(registered);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_lives);
        foreach (var client in _clients)
        {
            await client.StopAsync();
            client.Dispose();
        }
        _stop.Dispose();
    }

    private async Task<IHost> ConnectAsync()
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.SetMinimumLevel(LogLevel.None);
        builder.UseOrleansClient(client =>
        {
            client.UseStaticClustering(silo);
            client.Services.Configure<ClusterOptions>(o => (o.ServiceId, o.ClusterId) = (GridSiloExtensions.ServiceId, GridSiloExtensions.ServiceId));
            client.Services.AddGridSerializer();
        });
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }

    /// <param name="phase">0 to 1: where in the period this node renews.</param>
    private async Task LiveAsync(string id, IClusterClient client, double phase, TaskCompletionSource ready)
    {
        await Task.Yield();
        try
        {
            RequestContext.Set(NodeTokens.ContextKey, tokens.Issue(id, DateTimeOffset.UtcNow.AddDays(1)));
            var (grain, incarnation) = (client.GetGrain<INodeGrain>(id), Guid.NewGuid().ToString("N"));
            var welcome = await grain.Register(new NodeRegistration(id, incarnation, id, "bench", [new NodeSlot(0, "cpu", SlotMemory, 1, "simulated")], []));
            ready.SetResult();
            await Task.WhenAll(RenewAsync(grain, incarnation, TimeSpan.FromSeconds(welcome.RenewSeconds), phase), PollAsync(grain, incarnation));
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The bench is over.
        }
        catch (Exception e) when (!ready.Task.IsCompleted)
        {
            ready.SetException(e);
        }
    }

    private async Task RenewAsync(INodeGrain grain, string incarnation, TimeSpan period, double phase)
    {
        await Task.Delay(period * phase, _stop.Token);
        using var timer = new PeriodicTimer(period);
        do
        {
            await CountedAsync(() => grain.Renew(incarnation, []));
            Interlocked.Increment(ref _renewals);
        }
        while (await timer.WaitForNextTickAsync(_stop.Token));
    }

    private async Task PollAsync(INodeGrain grain, string incarnation)
    {
        while (!_stop.IsCancellationRequested)
        {
            await CountedAsync(() => grain.Poll(incarnation, 0, PollSeconds).WaitAsync(_stop.Token));
            Interlocked.Increment(ref _polls);
        }
    }

    private async Task CountedAsync(Func<Task> call)
    {
        try
        {
            await call();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Interlocked.Increment(ref _faults);
        }
    }
}
