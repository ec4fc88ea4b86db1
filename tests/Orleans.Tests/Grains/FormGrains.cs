using FineTuneGrid.Orleans.Tests.Support;
using Orleans;
using Orleans.Concurrency;
using Orleans.Providers;
using Orleans.Runtime;

namespace FineTuneGrid.Orleans.Tests;

public interface IPlainObjectGrain : IGrainWithStringKey
{
    Task<string> Identity();
}

/// <summary>A grain that does not derive from the base class.</summary>
[GrainType("plain-object")]
public sealed class NotDerivedGrain(IGrainContext context) : IGrainBase, IPlainObjectGrain
{
    public IGrainContext GrainContext => context;

    public Task<string> Identity() => Task.FromResult(context.GrainId.ToString());
}

public interface INumberedGrain : IGrainWithIntegerKey
{
    Task<long> Number();
}

public sealed class NumberedGrain : Grain, INumberedGrain
{
    public Task<long> Number() => Task.FromResult(this.GetPrimaryKeyLong());
}

public interface IBaseStateGrain : IGrainWithGuidKey
{
    Task<int> Add(int value);

    Task Leave();
}

[StorageProvider(ProviderName = "memory")]
public sealed class BaseStateGrain : Grain<Counter>, IBaseStateGrain
{
    public async Task<int> Add(int value)
    {
        State.Value += value;
        await WriteStateAsync();
        return State.Value;
    }

    public Task Leave()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }
}

public interface IChainGrain : IGrainWithStringKey
{
    Task<string> CallThrough(string other, bool allow);

    Task<string> Return(string to);

    Task<string> Name();

    [OneWay]
    Task Tell(string what);
}

public sealed class ChainGrain(Journal journal) : Grain, IChainGrain
{
    public async Task<string> CallThrough(string other, bool allow)
    {
        using var section = allow ? RequestContext.AllowCallChainReentrancy() : RequestContext.SuppressCallChainReentrancy();
        return await GrainFactory.GetGrain<IChainGrain>(other).Return(this.GetPrimaryKeyString());
    }

    public Task<string> Return(string to) => GrainFactory.GetGrain<IChainGrain>(to).Name();

    public Task<string> Name() => Task.FromResult(this.GetPrimaryKeyString());

    public async Task Tell(string what)
    {
        await journal.PassAsync("may listen");
        journal.Write($"told {what}");
        throw new InvalidOperationException("nobody hears this");
    }
}

public interface ICrowdGrain : IGrainWithStringKey
{
    Task<int> Count(bool leave);
}

/// <summary>Notices when two activations of one grain live at once.</summary>
public sealed class CrowdGrain : Grain, ICrowdGrain
{
    private static int s_alive;
    private static int s_calls;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref s_alive) != 1)
            throw new InvalidOperationException("two activations at once");
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await Task.Yield();
        Interlocked.Decrement(ref s_alive);
    }

    public Task<int> Count(bool leave)
    {
        if (leave)
            DeactivateOnIdle();
        return Task.FromResult(Interlocked.Increment(ref s_calls));
    }
}
