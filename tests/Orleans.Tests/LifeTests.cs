using FineTuneGrid.Orleans.Tests.Support;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;

namespace FineTuneGrid.Orleans.Tests;

public sealed class LifeTests
{
    [Fact]
    public async Task DeactivateOnIdle_ThenCall_MeetsFreshActivation()
    {
        await using var silo = await TestSilo.StartAsync();
        var grain = silo.Grains.GetGrain<ILifeGrain>("a");
        var first = await grain.Incarnation();
        Assert.Equal(first, await grain.Incarnation());
        await grain.Leave();
        Assert.NotEqual(first, await grain.Incarnation());
        Assert.Equal(1, silo.Journal.Count("deactivating a ApplicationRequested"));
        Assert.Equal(2, silo.Journal.Count("activated a"));
    }

    [Fact]
    public async Task Call_WhileActivationLeaves_IsAnsweredByTheNextOne()
    {
        await using var silo = await TestSilo.StartAsync();
        var grain = silo.Grains.GetGrain<ILifeGrain>("slow");
        var first = await grain.Incarnation();
        await grain.Leave();
        await silo.Journal.ExpectAsync("deactivating slow ApplicationRequested");
        var next = grain.Incarnation();
        Assert.False(next.IsCompleted);
        silo.Journal.Open("slow may go");
        Assert.NotEqual(first, await next);
    }

    [Fact]
    public async Task DeactivateOnIdle_DuringACall_LetsTheCallFinish()
    {
        await using var silo = await TestSilo.StartAsync();
        var grain = silo.Grains.GetGrain<ILifeGrain>("b");
        var first = await grain.Incarnation();
        var held = grain.HoldAndLeave("gate");
        await silo.Journal.ExpectAsync("holding gate");
        var next = grain.PeekIncarnation();
        Assert.Equal(0, silo.Journal.Count("deactivating b ApplicationRequested"));
        silo.Journal.Open("gate");
        await held;
        Assert.NotEqual(first, await next);
        Assert.Equal(1, silo.Journal.Count("deactivated b"));
    }

    [Fact]
    public async Task OnActivate_Fails_CallerGetsItsException()
    {
        await using var silo = await TestSilo.StartAsync();
        var grain = silo.Grains.GetGrain<ILifeGrain>("broken");
        var thrown = await Assert.ThrowsAsync<ArgumentException>(() => grain.Incarnation());
        Assert.Contains("will not live", thrown.Message);
        await Assert.ThrowsAsync<ArgumentException>(() => grain.Incarnation());
        Assert.Equal(2, silo.Journal.Count("activated broken"));
        Assert.Equal(0, silo.Journal.Count("deactivated broken"));
    }

    [Fact]
    public async Task IdleActivation_OlderThanCollectionAge_IsCollected()
    {
        await using var silo = await TestSilo.StartAsync(builder => builder.Configure<GrainCollectionOptions>(options =>
        {
            options.CollectionQuantum = TimeSpan.FromMilliseconds(200);
            options.CollectionAge = TimeSpan.FromMilliseconds(500);
        }));
        var kept = silo.Grains.GetGrain<ILifeGrain>("kept");
        var before = await kept.Incarnation();
        await kept.Delay(TimeSpan.FromMinutes(5));
        await silo.Grains.GetGrain<ILifeGrain>("idle").Incarnation();
        await silo.Journal.ExpectAsync("deactivating idle ActivationIdle");
        Assert.Equal(before, await kept.Incarnation());
    }

    [Fact]
    public async Task ForceActivationCollection_IdleActivation_IsCollected()
    {
        await using var silo = await TestSilo.StartAsync();
        await silo.Grains.GetGrain<ILifeGrain>("idle").Incarnation();
        var collected = silo.Journal.ExpectAsync("deactivating idle ActivationIdle");

        // An answer may arrive a moment before its grain counts as idle, so one collection can come too early.
        while (!collected.IsCompleted)
        {
            await silo.Grains.GetGrain<IManagementGrain>(0).ForceActivationCollection(TimeSpan.Zero);
            await Task.WhenAny(collected, Task.Delay(20));
        }

        await collected;
    }

    [Fact]
    public async Task Stop_LivingActivations_AreDeactivatedInOrder()
    {
        var silo = await TestSilo.StartAsync();
        await silo.Grains.GetGrain<ILifeGrain>("x").Incarnation();
        var journal = silo.Journal;
        await silo.DisposeAsync();
        Assert.Equal(1, journal.Count("deactivated x"));
    }
}
