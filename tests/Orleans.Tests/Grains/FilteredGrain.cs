using FineTuneGrid.Orleans.Tests.Support;
using Orleans;
using Orleans.Runtime;

namespace FineTuneGrid.Orleans.Tests;

public interface IFilteredGrain : IGrainWithStringKey
{
    Task<int> Double(int value);

    Task<string> CallOther(string key);

    Task<string?> Token();

    Task StartTimer();
}

[Alias("an-alias")]
public interface IAliasedGrain : IGrainWithStringKey
{
    [Alias("a-method")]
    Task<int> One();
}

public sealed class FilteredGrain(Journal journal) : Grain, IFilteredGrain, IIncomingGrainCallFilter
{
    public Task<int> Double(int value) => Task.FromResult(value * 2);

    public async Task<string> CallOther(string key) => (await GrainFactory.GetGrain<IFilteredGrain>(key).Double(1)).ToString();

    public Task<string?> Token() => Task.FromResult(RequestContext.Get("token") as string);

    public Task StartTimer()
    {
        this.RegisterGrainTimer(() => Task.CompletedTask, new GrainTimerCreationOptions(TimeSpan.Zero, Timeout.InfiniteTimeSpan));
        return Task.CompletedTask;
    }

    public async Task Invoke(IIncomingGrainCallContext context)
    {
        journal.Write($"own filter {context.MethodName}");
        await context.Invoke();
        if (this.GetPrimaryKeyString() == "plus" && context.Result is int result)
            context.Result = result + 1;
    }
}

public sealed class AliasedGrain : Grain, IAliasedGrain
{
    public Task<int> One() => Task.FromResult(1);
}
