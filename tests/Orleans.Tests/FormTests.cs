using FineTuneGrid.Orleans.Tests.Support;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;

namespace FineTuneGrid.Orleans.Tests;

/// <summary>The forms that grains and their calls come in.</summary>
public sealed class FormTests
{
    [Fact]
    public async Task PlainObject_WithContext_IsAGrain() =>
        await WithSiloAsync(async grains => Assert.Equal("plain-object/p", await grains.GetGrain<IPlainObjectGrain>("p").Identity()));

    [Fact]
    public async Task IntegerKey_RoundTrips() =>
        await WithSiloAsync(async grains => Assert.Equal(-42, await grains.GetGrain<INumberedGrain>(-42).Number()));

    [Fact]
    public async Task GrainOfState_KeepsItsState() => await WithSiloAsync(async grains =>
    {
        var grain = grains.GetGrain<IBaseStateGrain>(Guid.NewGuid());
        Assert.Equal(2, await grain.Add(2));
        await grain.Leave();
        Assert.Equal(5, await grain.Add(3));
    });

    [Fact]
    public async Task CallChain_Allowed_MayComeBack() => await WithSiloAsync(async grains =>
    {
        Assert.Equal("a", await grains.GetGrain<IChainGrain>("a").CallThrough("b", allow: true));
        await Assert.ThrowsAsync<TimeoutException>(() => grains.GetGrain<IChainGrain>("a").CallThrough("b", allow: false));
    });

    [Fact]
    public async Task OneWay_ReturnsAtOnceAndHidesTheOutcome()
    {
        await using var silo = await TestSilo.StartAsync();
        await silo.Grains.GetGrain<IChainGrain>("o").Tell("this");
        Assert.Equal(0, silo.Journal.Count("told this"));
        silo.Journal.Open("may listen");
        await silo.Journal.ExpectAsync("told this");
    }

    [Fact]
    public async Task References_ToTheSameGrain_AreEqual() => await WithSiloAsync(grains =>
    {
        var one = grains.GetGrain<IChainGrain>("x");
        Assert.Equal(one, grains.GetGrain<IChainGrain>("x"));
        Assert.NotEqual(one, grains.GetGrain<IChainGrain>("y"));
        Assert.Equal(GrainId.Create("chain", "x"), one.GetGrainId());
        return Task.CompletedTask;
    });

    [Fact]
    public async Task Calls_WhileActivationsComeAndGo_AreAllAnsweredByOneAtATime() => await WithSiloAsync(async grains =>
    {
        var grain = grains.GetGrain<ICrowdGrain>("one");
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(caller => Task.Run(async () =>
        {
            var last = 0;
            for (var i = 0; i < 50; i++)
                last = await grain.Count(leave: (i + caller) % 7 == 0);
            return last;
        })));
        Assert.Equal(400, answers.Max());
    });

    private static async Task WithSiloAsync(Func<IGrainFactory, Task> test)
    {
        await using var silo = await TestSilo.StartAsync(builder =>
            builder.Configure<SiloMessagingOptions>(options => options.ResponseTimeout = TimeSpan.FromSeconds(3)));
        await test(silo.Grains);
    }
}
