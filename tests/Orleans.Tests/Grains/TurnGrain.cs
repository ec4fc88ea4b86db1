using FineTuneGrid.Orleans.Tests.Support;
using Orleans;
using Orleans.Concurrency;

namespace FineTuneGrid.Orleans.Tests;

public interface ITurnGrain : IGrainWithStringKey
{
    Task<int> AddSlowly(int amount);

    Task Hold(string gate);

    [AlwaysInterleave]
    Task<int> Peek();

    [ReadOnly]
    Task ReadAndHold(string gate);

    [ReadOnly]
    Task<int> Read();

    Task<string> CallBack(string other);

    Task<string> Name();
}

public interface IReentrantTurnGrain : IGrainWithStringKey
{
    Task Hold(string gate);

    Task<int> Read();
}

public sealed class TurnGrain(Journal journal) : Grain, ITurnGrain
{
    private int _value;

    public async Task<int> AddSlowly(int amount)
    {
        var before = _value;
        await Task.Yield();
        await Task.Delay(1);
        _value = before + amount;
        return _value;
    }

    public async Task Hold(string gate)
    {
        journal.Write($"holding {gate}");
        _value++;
        await journal.PassAsync(gate);
        _value++;
    }

    public Task<int> Peek() => Task.FromResult(_value);

    public async Task ReadAndHold(string gate)
    {
        journal.Write($"reading {gate}");
        await journal.PassAsync(gate);
    }

    public Task<int> Read() => Task.FromResult(_value);

    public Task<string> CallBack(string other) => GrainFactory.GetGrain<ITurnGrain>(other).Name();

    public Task<string> Name() => Task.FromResult(this.GetPrimaryKeyString());
}

[Reentrant]
public sealed class ReentrantTurnGrain(Journal journal) : Grain, IReentrantTurnGrain
{
    public async Task Hold(string gate)
    {
        journal.Write($"holding {gate}");
        await journal.PassAsync(gate);
    }

    public Task<int> Read() => Task.FromResult(7);
}
