using FineTuneGrid.Orleans.Tests.Support;
using Orleans.Configuration;
using Orleans.Hosting;

namespace FineTuneGrid.Orleans.Tests;

public sealed class TurnTests
{
    [Fact]
    public async Task Calls_Concurrent_RunOneAfterTheOther()
    {
        await using var silo = await TestSilo.StartAsync();
        var grain = silo.Grains.GetGrain<ITurnGrain>("sum");
        await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => grain.AddSlowly(1)));
        Assert.Equal(100, await grain.Peek());
    }

    [Fact]
    public async Task AlwaysInterleave_DuringLongCall_IsAnswered()
    {
        await using var silo = await TestSilo.StartAsync();
        var grain = silo.Grains.GetGrain<ITurnGrain>("a");
        var hold = grain.Hold("gate");
        await silo.Journal.ExpectAsync("holding gate");
        Assert.Equal(1, await grain.Peek());
        var plain = grain.Read();
        Assert.Equal(1, await grain.Peek());
        Assert.False(plain.IsCompleted);
        silo.Journal.Open("gate");
        await hold;
        Assert.Equal(2, await plain);
    }

    [Fact]
    public async Task ReadOnly_DuringReadOnly_Interleaves()
    {
        await using var silo = await TestSilo.StartAsync();
        var grain = silo.Grains.GetGrain<ITurnGrain>("r");
        var held = grain.ReadAndHold("gate");
        await silo.Journal.ExpectAsync("reading gate");
        Assert.Equal(0, await grain.Read());
        Assert.False(held.IsCompleted);
        silo.Journal.Open("gate");
        await held;
    }

    [Fact]
    public async Task Reentrant_DuringLongCall_IsAnswered()
    {
        await using var silo = await TestSilo.StartAsync();
        var grain = silo.Grains.GetGrain<IReentrantTurnGrain>("r");
        var held = grain.Hold("gate");
        await silo.Journal.ExpectAsync("holding gate");
        Assert.Equal(7, await grain.Read());
        silo.Journal.Open("gate");
        await held;
    }

    [Fact]
    public async Task CallCycle_WithoutReentrancy_TimesOut()
    {
        await using var silo = await TestSilo.StartAsync(builder =>
            builder.Configure<SiloMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(1)));
        var grain = silo.Grains.GetGrain<ITurnGrain>("self");
        await Assert.ThrowsAsync<TimeoutException>(() => grain.CallBack("self"));
        Assert.Equal("other", await silo.Grains.GetGrain<ITurnGrain>("self2").CallBack("other"));
    }
}
