using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace Orleans.Runtime;

/// <summary>Starts and stops the silo with its host.</summary>
internal sealed class Silo(
    SiloRuntime runtime,
    SiloLifecycle lifecycle,
    ILocalSiloDetails details,
    SiloState state,
    IOptions<GrainCollectionOptions> collection,
    IEnumerable<IConfigurationValidator> validators,
    IEnumerable<ILifecycleParticipant<ISiloLifecycle>> participants,
    ILogger<Silo> logger) : IHostedService, IAsyncDisposable
{
    private ITimer? _collector;
    private bool _stopped;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var validator in validators)
            validator.ValidateConfiguration();
        lifecycle.Subscribe(nameof(Silo), ServiceLifecycleStage.BecomeActive, BecomeActiveAsync, LeaveAsync);
        foreach (var participant in participants)
            participant.Participate(lifecycle);
        state.Status = SiloStatus.Joining;
        try
        {
            await lifecycle.StartAsync(cancellationToken);
        }
        catch
        {
            await StopAsync(CancellationToken.None);
            throw;
        }

        SiloLog.Started(logger, details.Name, details.SiloAddress, details.GatewayAddress);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_stopped)
            return;
        _stopped = true;
        state.Status = SiloStatus.ShuttingDown;
        await lifecycle.StopAsync(cancellationToken);
        runtime.StopAccepting();
        state.Status = SiloStatus.Dead;
        SiloLog.Stopped(logger, details.Name);
    }

    public async ValueTask DisposeAsync()
    {
        if (_collector is not null)
            await _collector.DisposeAsync();
    }

    private Task BecomeActiveAsync(CancellationToken cancellationToken)
    {
        state.Status = SiloStatus.Active;
        var quantum = collection.Value.CollectionQuantum;
        using (FlowSuppressor.Suppress())
            _collector = runtime.Time.CreateTimer(_ => CollectIdle(), null, quantum, quantum);
        return Task.CompletedTask;
    }

    private async Task LeaveAsync(CancellationToken cancellationToken)
    {
        if (_collector is not null)
            await _collector.DisposeAsync();
        await runtime.Catalog.DeactivateAllAsync(cancellationToken);
        runtime.StopAccepting();

        // Those that were woken by the last words of others.
        await runtime.Catalog.DeactivateAllAsync(cancellationToken);
    }

    private void CollectIdle()
    {
        foreach (var activation in runtime.Catalog.Activations)
            activation.DeactivateIfIdle(activation.Class.CollectionAge);
    }
}

/// <summary>Where the silo is in its life, for those who report it.</summary>
internal sealed class SiloState
{
    public SiloStatus Status { get; set; } = SiloStatus.Created;
}
