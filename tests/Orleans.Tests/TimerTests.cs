using FineTuneGrid.Orleans.Tests.Support;

namespace FineTuneGrid.Orleans.Tests;

public sealed class TimerTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(10);

    [Fact]
    public async Task Timer_Plain_KeepsToTheTurns()
    {
        await using var silo = await TestSilo.StartAsync();
        var grain = silo.Grains.GetGrain<ITimerGrain>("t");
        await grain.Start(interleave: false, Short);
        var held = grain.Hold("gate");
        await silo.Journal.ExpectAsync("holding gate");
        var other = silo.Grains.GetGrain<ITimerGrain>("other");
        await other.Start(interleave: false, Short);
        await silo.Journal.ExpectAsync("other tick 5");
        Assert.Equal(0, silo.Journal.Count("t during call state True"));
        silo.Journal.Open("gate");
        await held;
        await grain.Stop();
        await other.Stop();
        Assert.True(silo.Journal.Count("other between calls state True") >= 5);
    }

    [Fact]
    public async Task Timer_Interleaving_TicksDuringACall()
    {
        await using var silo = await TestSilo.StartAsync();
        var grain = silo.Grains.GetGrain<ITimerGrain>("t");
        await grain.Start(interleave: true, Short);
        var held = grain.Hold("gate");
        await silo.Journal.ExpectAsync("t during call state True");
        silo.Journal.Open("gate");
        await held;
        await grain.Stop();
    }

    [Fact]
    public async Task Timer_CallbackFails_TicksAgain()
    {
        await using var silo = await TestSilo.StartAsync();
        await silo.Grains.GetGrain<ITimerGrain>("t").StartFailing();
        await silo.Journal.ExpectAsync("failing 3");
    }

    [Fact]
    public async Task Timer_ActivationEnds_TicksNoMore()
    {
        await using var silo = await TestSilo.StartAsync();
        var grain = silo.Grains.GetGrain<ITimerGrain>("t");
        await grain.Start(interleave: false, Short);
        await silo.Journal.ExpectAsync("t tick 2");
        await grain.Leave();
        await silo.Journal.ExpectAsync("timer grain left");
        var ticks = Ticks();
        await silo.Grains.GetGrain<ITimerGrain>("other").Start(interleave: false, Short);
        await silo.Journal.ExpectAsync("other tick 20");
        Assert.Equal(ticks, Ticks());

        int Ticks() => silo.Journal.Entries.Count(entry => entry.StartsWith("t tick", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Timer_NegativePeriod_IsRefused()
    {
        await using var silo = await TestSilo.StartAsync();
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() =>
            silo.Grains.GetGrain<ITimerGrain>("t").Start(interleave: false, TimeSpan.FromSeconds(-5)));
    }
}
