using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Serialization;
using Orleans.Serialization.Invocation;

namespace Orleans.Runtime;

/// <summary>What activations and callers inside the silo's process share.</summary>
internal sealed class SiloRuntime : IRuntimeClient, IDisposable
{
    private readonly Lazy<IIncomingGrainCallFilter[]> _incomingFilters;
    private readonly Lazy<GrainCallSender> _calls;
    private readonly PendingCalls _pending;
    private readonly GrainClassMap _classes;
    private volatile bool _accepting = true;

    public SiloRuntime(
        IServiceProvider services,
        ILocalSiloDetails details,
        ValueCodecs codecs,
        TimeProvider time,
        GrainClassMap classes,
        IPersistentStateFactory states,
        IOptions<SiloMessagingOptions> messaging,
        IOptions<GrainCollectionOptions> collection,
        ILogger<SiloRuntime> logger)
    {
        Services = services;
        Address = details.SiloAddress;
        ClientId = new GrainId(GrainTypePrefix.ClientGrainType, IdSpan.Create($"hosted-{Address.ToParsableString()}"));
        Codecs = codecs;
        Time = time;
        States = states;
        Collection = collection.Value;
        Logger = logger;
        _classes = classes;
        Catalog = new Catalog(this, classes);
        codecs.References = new GrainReferenceCodec(this);
        _pending = new PendingCalls(messaging.Value, time, logger, SignalCancellation);

        // Filters may ask for what depends on this object, so they are made when the first call is.
        _incomingFilters = new(() => [.. services.GetServices<IIncomingGrainCallFilter>()]);
        _calls = new(() => new GrainCallSender(
            this, _pending, codecs, messaging.Value, services.GetServices<IOutgoingGrainCallFilter>(), ClientId));
    }

    public IServiceProvider Services { get; }

    public SiloAddress Address { get; }

    /// <summary>The identity of callers in this process that are not grains.</summary>
    public GrainId ClientId { get; }

    public ValueCodecs Codecs { get; }

    public TimeProvider Time { get; }

    public IPersistentStateFactory States { get; }

    public GrainCollectionOptions Collection { get; }

    public ILogger Logger { get; }

    public Catalog Catalog { get; }

    public IIncomingGrainCallFilter[] IncomingFilters => _incomingFilters.Value;

    public IGrainTypeMap GrainTypes => _classes.Types;

    public GrainCallSender Calls => _calls.Value;

    public void Send(Message message)
    {
        try
        {
            if (!_accepting)
                throw new SiloUnavailableException($"The silo {Address} is shutting down and cannot process {message}.");
            Catalog.Dispatch(message);
        }
        catch (Exception exception)
        {
            message.Sink?.Receive(message, Response.FromException(exception));
        }
    }

    public void SignalCancellation(Message message) => Catalog.Find(message.Target)?.Cancel(message);

    /// <summary>Requests that come from now on are rejected.</summary>
    public void StopAccepting() => _accepting = false;

    public void Dispose()
    {
        StopAccepting();
        _pending.Dispose();
    }
}

/// <summary>The services behind <see cref="Grain"/>.</summary>
internal sealed class GrainRuntime(
    SiloRuntime silo, IGrainFactory grainFactory, Timers.ITimerRegistry timers, GrainStorageBridges storages) : IGrainRuntime
{
    public string SiloIdentity => silo.Address.ToString();

    public SiloAddress SiloAddress => silo.Address;

    public IGrainFactory GrainFactory => grainFactory;

    public Timers.ITimerRegistry TimerRegistry => timers;

    public IServiceProvider ServiceProvider => silo.Services;

    public TimeProvider TimeProvider => silo.Time;

    public void DeactivateOnIdle(IGrainContext grainContext) => grainContext.Deactivate(new DeactivationReason(
        DeactivationReasonCode.ApplicationRequested, $"{nameof(DeactivateOnIdle)} was called."));

    public void DelayDeactivation(IGrainContext grainContext, TimeSpan timeSpan) =>
        ((Activation)grainContext).DelayDeactivation(timeSpan);

    public Core.IStorage<TGrainState> GetStorage<TGrainState>(IGrainContext grainContext) =>
        storages.CreateForGrain<TGrainState>(grainContext);
}

/// <summary>Makes the activation available to the services of its own scope.</summary>
internal sealed class GrainContextHolder
{
    public IGrainContext? Context { get; set; }
}

internal sealed class GrainContextAccessor : IGrainContextAccessor
{
    public IGrainContext GrainContext => RuntimeContext.Current!;
}
