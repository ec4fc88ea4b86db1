using FineTuneGrid.Orleans.Tests.Support;
using Orleans;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace FineTuneGrid.Orleans.Tests;

public interface ILifeGrain : IGrainWithStringKey
{
    Task<string> Incarnation();

    Task Leave();

    Task Delay(TimeSpan time);

    Task HoldAndLeave(string gate);

    [AlwaysInterleave]
    Task<string> PeekIncarnation();
}

/// <summary>Its key decides how it behaves: "broken" fails to activate, "slow" holds its deactivation at a gate.</summary>
public sealed class LifeGrain(Journal journal) : Grain, ILifeGrain
{
    private readonly string _incarnation = Guid.NewGuid().ToString("N");

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        journal.Write($"activated {this.GetPrimaryKeyString()}");
        return this.GetPrimaryKeyString() == "broken" ? throw new ArgumentException("will not live") : Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        journal.Write($"deactivating {this.GetPrimaryKeyString()} {reason.ReasonCode}");
        if (this.GetPrimaryKeyString() == "slow")
            await journal.PassAsync("slow may go");
        journal.Write($"deactivated {this.GetPrimaryKeyString()}");
    }

    public Task<string> Incarnation() => Task.FromResult(_incarnation);

    public Task<string> PeekIncarnation() => Task.FromResult(_incarnation);

    public Task Leave()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    public Task Delay(TimeSpan time)
    {
        DelayDeactivation(time);
        return Task.CompletedTask;
    }

    public async Task HoldAndLeave(string gate)
    {
        journal.Write($"holding {gate}");
        DeactivateOnIdle();
        await journal.PassAsync(gate);
    }
}
