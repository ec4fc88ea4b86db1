using Orleans.Timers;

namespace Orleans.Runtime;

/// <summary>The services behind <see cref="Grain"/>.</summary>
public interface IGrainRuntime
{
    string SiloIdentity { get; }

    SiloAddress SiloAddress { get; }

    IGrainFactory GrainFactory { get; }

    ITimerRegistry TimerRegistry { get; }

    IServiceProvider ServiceProvider { get; }

    TimeProvider TimeProvider { get; }

    void DeactivateOnIdle(IGrainContext grainContext);

    void DelayDeactivation(IGrainContext grainContext, TimeSpan timeSpan);

    Core.IStorage<TGrainState> GetStorage<TGrainState>(IGrainContext grainContext);
}
